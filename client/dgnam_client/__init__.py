"""Ask a dgnam server for pictures of what a neuron prefers.

    from dgnam_client import Client

    with Client("grpc://127.0.0.1:7433") as client:
        client.synthesize("alexnet64:fc8:lemon", seed=0).save("lemon.png")

Needs neither PyTorch nor any weights. `AsyncClient` has the same calls for asyncio, and `dgnam` is the command line.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ._public import *  # noqa: F403
else:
    # Each name is loaded when it is first used, with no more than it needs: half a second otherwise, on a slow machine, of which most
    # programs use little. _public.py has the same names for those that read types.
    _HOMES = {
        "_activations": "ActivationPercentiles Activations",
        "_address": "DEFAULT_SERVER",
        "_aio": "AsyncClient",
        "_analysis_recipe": "AnalysisRecipe",
        "_accentuation": "accentuated metamer",
        "_catalog": "Code Method Methods Model Option Tap UnitInfo",
        "_client": "Client",
        "_errors": "CallCancelledError DeadlineExceededError DgnamError InvalidAddressError InvalidRequestError NotFoundError "
        "NotReadyError OverloadedError PermissionDeniedError ProtocolError SearchError ServerError UnauthenticatedError UnavailableError",
        "_events": "AnalysisProgress Event PictureProgress Progress Queued Started VariantProgress",
        "_exemplars": "Exemplar Exemplars",
        "_filters": "Filters",
        "_gallery": "Gallery",
        "_invariance": "Invariance InvarianceCurve",
        "_hole": "Hole",
        "_inversion": "inverted restyled",
        "_job": "AsyncJob Job",
        "_job_analysis": "JobAnalysis",
        "_job_state": "JobNews JobPicture JobPicturePage JobState",
        "_likeness": "resembling unlike",
        "_local": "LocalServer local_server",
        "_occlusion": "Occlusion",
        "_options": "SynthesisOptions",
        "_picture": "Picture",
        "_place": "Place",
        "_projection": "Projection",
        "_receptive_field": "Box ReceptiveField",
        "_recipe": "Percentile Recipe",
        "_result": "Result StartRank",
        "_search": "AsyncSearch Search",
        "_search_options": "SearchOptions",
        "_search_state": "Generation Optimizer SearchPicture SearchState",
        "_server": "Lane Limits Load OwnLoad ServerInfo",
        "_sheet": "contact_sheet",
        "_target": "Term",
        "_unit": "ChannelSums Direction FeatureMap Features Gram RandomMaps Similar SortedMaps Unit",
    }
    _HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
    __all__ = sorted(_HOME, key=lambda name: (not name.isupper(), name))

    def __getattr__(name):
        from importlib import import_module

        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
