"""The lab: what is done to make models and to judge them.

`train` makes them of photographs, `evaluate` measures what their pictures are worth, `paper` draws the published figures with them. The
last two ask a server for their pictures, through the client as anybody would, so that they measure what users get; only they know the
client, which `pip install dgnam-models[study]` brings together with the server.
"""
