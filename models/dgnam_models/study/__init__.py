"""Studies: what the models' pictures are worth, measured, and the published figures drawn with our networks.

A study asks a server for its pictures, through the client as anybody would, so that it measures what users get. Only this folder of
dgnam-models knows the client, which `pip install dgnam-models[study]` brings together with the server.
"""
