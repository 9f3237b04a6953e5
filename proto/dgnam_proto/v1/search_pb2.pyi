from dgnam_proto.v1 import catalog_pb2 as _catalog_pb2
from dgnam_proto.v1 import synthesis_pb2 as _synthesis_pb2
from dgnam_proto.v1 import target_pb2 as _target_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Axes(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AXES_UNSPECIFIED: _ClassVar[Axes]
    AXES_COMPONENTS: _ClassVar[Axes]
    AXES_UNITS: _ClassVar[Axes]

class SearchStart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEARCH_START_UNSPECIFIED: _ClassVar[SearchStart]
    SEARCH_START_MEAN: _ClassVar[SearchStart]
    SEARCH_START_DRAWS: _ClassVar[SearchStart]

class SearchEnding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEARCH_ENDING_UNSPECIFIED: _ClassVar[SearchEnding]
    SEARCH_ENDING_PICTURES: _ClassVar[SearchEnding]
    SEARCH_ENDING_PATIENCE: _ClassVar[SearchEnding]
    SEARCH_ENDING_SCORE: _ClassVar[SearchEnding]
AXES_UNSPECIFIED: Axes
AXES_COMPONENTS: Axes
AXES_UNITS: Axes
SEARCH_START_UNSPECIFIED: SearchStart
SEARCH_START_MEAN: SearchStart
SEARCH_START_DRAWS: SearchStart
SEARCH_ENDING_UNSPECIFIED: SearchEnding
SEARCH_ENDING_PICTURES: SearchEnding
SEARCH_ENDING_PATIENCE: SearchEnding
SEARCH_ENDING_SCORE: SearchEnding

class Spectrum(_message.Message):
    __slots__ = ("height", "width")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    height: int
    width: int
    def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ...) -> None: ...

class CreateSearchRequest(_message.Message):
    __slots__ = ("name", "prior", "spectrum", "axes", "optimizer", "options", "seed", "start", "start_code", "repeats", "references", "references_per_generation", "max_pictures", "patience", "stop_score")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    SPECTRUM_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    START_CODE_FIELD_NUMBER: _ClassVar[int]
    REPEATS_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_PER_GENERATION_FIELD_NUMBER: _ClassVar[int]
    MAX_PICTURES_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    STOP_SCORE_FIELD_NUMBER: _ClassVar[int]
    name: str
    prior: str
    spectrum: Spectrum
    axes: Axes
    optimizer: str
    options: _containers.ScalarMap[str, float]
    seed: int
    start: SearchStart
    start_code: _target_pb2.Array
    repeats: int
    references: _containers.RepeatedScalarFieldContainer[bytes]
    references_per_generation: int
    max_pictures: int
    patience: int
    stop_score: float
    def __init__(self, name: _Optional[str] = ..., prior: _Optional[str] = ..., spectrum: _Optional[_Union[Spectrum, _Mapping]] = ..., axes: _Optional[_Union[Axes, str]] = ..., optimizer: _Optional[str] = ..., options: _Optional[_Mapping[str, float]] = ..., seed: _Optional[int] = ..., start: _Optional[_Union[SearchStart, str]] = ..., start_code: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., repeats: _Optional[int] = ..., references: _Optional[_Iterable[bytes]] = ..., references_per_generation: _Optional[int] = ..., max_pictures: _Optional[int] = ..., patience: _Optional[int] = ..., stop_score: _Optional[float] = ...) -> None: ...

class Generation(_message.Message):
    __slots__ = ("number", "scored", "missing", "mean", "best", "reference_mean", "reference_best")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SCORED_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_MEAN_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_BEST_FIELD_NUMBER: _ClassVar[int]
    number: int
    scored: int
    missing: int
    mean: float
    best: float
    reference_mean: float
    reference_best: float
    def __init__(self, number: _Optional[int] = ..., scored: _Optional[int] = ..., missing: _Optional[int] = ..., mean: _Optional[float] = ..., best: _Optional[float] = ..., reference_mean: _Optional[float] = ..., reference_best: _Optional[float] = ...) -> None: ...

class Search(_message.Message):
    __slots__ = ("request", "population", "dimensions", "generations_done", "pictures_done", "waiting", "ending", "best_score", "best_picture", "prior_digest", "versions", "created_s", "history")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    POPULATION_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    GENERATIONS_DONE_FIELD_NUMBER: _ClassVar[int]
    PICTURES_DONE_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    ENDING_FIELD_NUMBER: _ClassVar[int]
    BEST_SCORE_FIELD_NUMBER: _ClassVar[int]
    BEST_PICTURE_FIELD_NUMBER: _ClassVar[int]
    PRIOR_DIGEST_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CREATED_S_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    request: CreateSearchRequest
    population: int
    dimensions: int
    generations_done: int
    pictures_done: int
    waiting: int
    ending: SearchEnding
    best_score: float
    best_picture: int
    prior_digest: str
    versions: _containers.ScalarMap[str, str]
    created_s: float
    history: _containers.RepeatedCompositeFieldContainer[Generation]
    def __init__(self, request: _Optional[_Union[CreateSearchRequest, _Mapping]] = ..., population: _Optional[int] = ..., dimensions: _Optional[int] = ..., generations_done: _Optional[int] = ..., pictures_done: _Optional[int] = ..., waiting: _Optional[int] = ..., ending: _Optional[_Union[SearchEnding, str]] = ..., best_score: _Optional[float] = ..., best_picture: _Optional[int] = ..., prior_digest: _Optional[str] = ..., versions: _Optional[_Mapping[str, str]] = ..., created_s: _Optional[float] = ..., history: _Optional[_Iterable[_Union[Generation, _Mapping]]] = ...) -> None: ...

class SearchPicture(_message.Message):
    __slots__ = ("number", "generation", "reference", "png", "image", "code")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PNG_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    number: int
    generation: int
    reference: int
    png: bytes
    image: _target_pb2.Array
    code: _target_pb2.Array
    def __init__(self, number: _Optional[int] = ..., generation: _Optional[int] = ..., reference: _Optional[int] = ..., png: _Optional[bytes] = ..., image: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., code: _Optional[_Union[_target_pb2.Array, _Mapping]] = ...) -> None: ...

class Score(_message.Message):
    __slots__ = ("picture", "values", "missing")
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    picture: int
    values: _containers.RepeatedScalarFieldContainer[float]
    missing: bool
    def __init__(self, picture: _Optional[int] = ..., values: _Optional[_Iterable[float]] = ..., missing: bool = ...) -> None: ...

class CreateSearchResponse(_message.Message):
    __slots__ = ("search", "resumed")
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    search: Search
    resumed: bool
    def __init__(self, search: _Optional[_Union[Search, _Mapping]] = ..., resumed: bool = ...) -> None: ...

class AskRequest(_message.Message):
    __slots__ = ("name", "include", "priority", "queue_timeout_s")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    name: str
    include: _synthesis_pb2.Include
    priority: _synthesis_pb2.Priority
    queue_timeout_s: float
    def __init__(self, name: _Optional[str] = ..., include: _Optional[_Union[_synthesis_pb2.Include, _Mapping]] = ..., priority: _Optional[_Union[_synthesis_pb2.Priority, str]] = ..., queue_timeout_s: _Optional[float] = ...) -> None: ...

class AskResponse(_message.Message):
    __slots__ = ("pictures", "search")
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    pictures: _containers.RepeatedCompositeFieldContainer[SearchPicture]
    search: Search
    def __init__(self, pictures: _Optional[_Iterable[_Union[SearchPicture, _Mapping]]] = ..., search: _Optional[_Union[Search, _Mapping]] = ...) -> None: ...

class TellRequest(_message.Message):
    __slots__ = ("name", "scores")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    name: str
    scores: _containers.RepeatedCompositeFieldContainer[Score]
    def __init__(self, name: _Optional[str] = ..., scores: _Optional[_Iterable[_Union[Score, _Mapping]]] = ...) -> None: ...

class TellResponse(_message.Message):
    __slots__ = ("search", "completed")
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    search: Search
    completed: Generation
    def __init__(self, search: _Optional[_Union[Search, _Mapping]] = ..., completed: _Optional[_Union[Generation, _Mapping]] = ...) -> None: ...

class GetSearchRequest(_message.Message):
    __slots__ = ("name", "include", "priority", "queue_timeout_s")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    name: str
    include: _synthesis_pb2.Include
    priority: _synthesis_pb2.Priority
    queue_timeout_s: float
    def __init__(self, name: _Optional[str] = ..., include: _Optional[_Union[_synthesis_pb2.Include, _Mapping]] = ..., priority: _Optional[_Union[_synthesis_pb2.Priority, str]] = ..., queue_timeout_s: _Optional[float] = ...) -> None: ...

class GetSearchResponse(_message.Message):
    __slots__ = ("search", "best")
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    search: Search
    best: SearchPicture
    def __init__(self, search: _Optional[_Union[Search, _Mapping]] = ..., best: _Optional[_Union[SearchPicture, _Mapping]] = ...) -> None: ...

class ListSearchesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSearchesResponse(_message.Message):
    __slots__ = ("searches",)
    SEARCHES_FIELD_NUMBER: _ClassVar[int]
    searches: _containers.RepeatedCompositeFieldContainer[Search]
    def __init__(self, searches: _Optional[_Iterable[_Union[Search, _Mapping]]] = ...) -> None: ...

class DeleteSearchRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteSearchResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ExportSearchRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ExportSearchResponse(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: bytes
    def __init__(self, json: _Optional[bytes] = ...) -> None: ...

class ListOptimizersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Optimizer(_message.Message):
    __slots__ = ("name", "description", "citation", "options")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CITATION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    citation: str
    options: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Option]
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., citation: _Optional[str] = ..., options: _Optional[_Iterable[_Union[_catalog_pb2.Option, _Mapping]]] = ...) -> None: ...

class ListOptimizersResponse(_message.Message):
    __slots__ = ("optimizers", "default_optimizer")
    OPTIMIZERS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    optimizers: _containers.RepeatedCompositeFieldContainer[Optimizer]
    default_optimizer: str
    def __init__(self, optimizers: _Optional[_Iterable[_Union[Optimizer, _Mapping]]] = ..., default_optimizer: _Optional[str] = ...) -> None: ...
