"""What `dgnam_client` offers, for type checkers; at run time `__init__.py` loads each name when it is first used."""

from ._accentuation import accentuated, metamer
from ._activations import ActivationPercentiles, Activations
from ._address import DEFAULT_SERVER
from ._aio import AsyncClient
from ._analysis_recipe import AnalysisRecipe
from ._catalog import Code, Method, Methods, Model, Option, Tap, UnitInfo
from ._client import Client
from ._errors import (
    CallCancelledError,
    DeadlineExceededError,
    DgnamError,
    InvalidAddressError,
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
    OverloadedError,
    PermissionDeniedError,
    ProtocolError,
    SearchError,
    ServerError,
    UnauthenticatedError,
    UnavailableError,
)
from ._events import AnalysisProgress, Event, PictureProgress, Progress, Queued, Started, VariantProgress
from ._exemplars import Exemplar, Exemplars
from ._filters import Filters
from ._gallery import Gallery
from ._hole import Hole
from ._invariance import Invariance, InvarianceCurve
from ._inversion import inverted, restyled
from ._job import AsyncJob, Job
from ._job_analysis import JobAnalysis
from ._job_state import JobNews, JobPicture, JobPicturePage, JobState
from ._likeness import resembling, unlike
from ._local import LocalServer, local_server
from ._occlusion import Occlusion
from ._options import SynthesisOptions
from ._picture import Picture
from ._place import Place
from ._projection import Projection
from ._receptive_field import Box, ReceptiveField
from ._recipe import Percentile, Recipe
from ._result import Result, StartRank
from ._search import AsyncSearch, Search
from ._search_options import SearchOptions
from ._search_state import Generation, Optimizer, SearchPicture, SearchState
from ._server import Lane, Limits, Load, OwnLoad, ServerInfo
from ._sheet import contact_sheet
from ._target import Term
from ._unit import ChannelSums, Direction, FeatureMap, Features, Gram, RandomMaps, Similar, SortedMaps, Unit

__all__ = [
    "DEFAULT_SERVER",
    "ActivationPercentiles",
    "Activations",
    "AnalysisProgress",
    "AnalysisRecipe",
    "AsyncClient",
    "AsyncJob",
    "AsyncSearch",
    "Box",
    "CallCancelledError",
    "ChannelSums",
    "Client",
    "Code",
    "DeadlineExceededError",
    "DgnamError",
    "Direction",
    "Event",
    "Exemplar",
    "Exemplars",
    "FeatureMap",
    "Features",
    "Filters",
    "Gallery",
    "Generation",
    "Gram",
    "Hole",
    "InvalidAddressError",
    "InvalidRequestError",
    "Invariance",
    "InvarianceCurve",
    "Job",
    "JobAnalysis",
    "JobNews",
    "JobPicture",
    "JobPicturePage",
    "JobState",
    "Lane",
    "Limits",
    "Load",
    "LocalServer",
    "Method",
    "Methods",
    "Model",
    "NotFoundError",
    "NotReadyError",
    "Occlusion",
    "Optimizer",
    "Option",
    "OverloadedError",
    "OwnLoad",
    "Percentile",
    "PermissionDeniedError",
    "Picture",
    "PictureProgress",
    "Place",
    "Progress",
    "Projection",
    "ProtocolError",
    "Queued",
    "RandomMaps",
    "ReceptiveField",
    "Recipe",
    "Result",
    "Search",
    "SearchError",
    "SearchOptions",
    "SearchPicture",
    "SearchState",
    "ServerError",
    "ServerInfo",
    "Similar",
    "SortedMaps",
    "StartRank",
    "Started",
    "SynthesisOptions",
    "Tap",
    "Term",
    "UnauthenticatedError",
    "UnavailableError",
    "Unit",
    "UnitInfo",
    "VariantProgress",
    "accentuated",
    "contact_sheet",
    "inverted",
    "local_server",
    "metamer",
    "resembling",
    "restyled",
    "unlike",
]
