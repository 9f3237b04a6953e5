from dgnam_proto.v1 import target_pb2 as _target_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Determinism(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DETERMINISM_UNSPECIFIED: _ClassVar[Determinism]
    DETERMINISM_ROUNDING: _ClassVar[Determinism]
    DETERMINISM_STRICT: _ClassVar[Determinism]

class Fit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIT_UNSPECIFIED: _ClassVar[Fit]
    FIT_RESIZE: _ClassVar[Fit]
    FIT_CROP: _ClassVar[Fit]

class Priority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_UNSPECIFIED: _ClassVar[Priority]
    PRIORITY_INTERACTIVE: _ClassVar[Priority]
    PRIORITY_BATCH: _ClassVar[Priority]

class Ending(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENDING_UNSPECIFIED: _ClassVar[Ending]
    ENDING_STEPS_DONE: _ClassVar[Ending]
    ENDING_ZERO_GRADIENT: _ClassVar[Ending]
    ENDING_NO_GRADIENT: _ClassVar[Ending]
DETERMINISM_UNSPECIFIED: Determinism
DETERMINISM_ROUNDING: Determinism
DETERMINISM_STRICT: Determinism
FIT_UNSPECIFIED: Fit
FIT_RESIZE: Fit
FIT_CROP: Fit
PRIORITY_UNSPECIFIED: Priority
PRIORITY_INTERACTIVE: Priority
PRIORITY_BATCH: Priority
ENDING_UNSPECIFIED: Ending
ENDING_STEPS_DONE: Ending
ENDING_ZERO_GRADIENT: Ending
ENDING_NO_GRADIENT: Ending

class Include(_message.Message):
    __slots__ = ("png", "image", "code", "history", "alpha")
    PNG_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    png: bool
    image: bool
    code: bool
    history: bool
    alpha: bool
    def __init__(self, png: bool = ..., image: bool = ..., code: bool = ..., history: bool = ..., alpha: bool = ...) -> None: ...

class Hole(_message.Message):
    __slots__ = ("photo", "mask")
    PHOTO_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    photo: bytes
    mask: bytes
    def __init__(self, photo: _Optional[bytes] = ..., mask: _Optional[bytes] = ...) -> None: ...

class SynthesizeRequest(_message.Message):
    __slots__ = ("target", "prior", "method", "options", "seed", "start_code", "start_image", "preview_interval", "variants", "determinism", "include", "fit", "height", "width", "priority", "queue_timeout_s", "hole")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    START_CODE_FIELD_NUMBER: _ClassVar[int]
    START_IMAGE_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    DETERMINISM_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    HOLE_FIELD_NUMBER: _ClassVar[int]
    target: _target_pb2.Target
    prior: str
    method: str
    options: _containers.ScalarMap[str, float]
    seed: int
    start_code: _target_pb2.Array
    start_image: bytes
    preview_interval: int
    variants: int
    determinism: Determinism
    include: Include
    fit: Fit
    height: int
    width: int
    priority: Priority
    queue_timeout_s: float
    hole: Hole
    def __init__(self, target: _Optional[_Union[_target_pb2.Target, _Mapping]] = ..., prior: _Optional[str] = ..., method: _Optional[str] = ..., options: _Optional[_Mapping[str, float]] = ..., seed: _Optional[int] = ..., start_code: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., start_image: _Optional[bytes] = ..., preview_interval: _Optional[int] = ..., variants: _Optional[int] = ..., determinism: _Optional[_Union[Determinism, str]] = ..., include: _Optional[_Union[Include, _Mapping]] = ..., fit: _Optional[_Union[Fit, str]] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., priority: _Optional[_Union[Priority, str]] = ..., queue_timeout_s: _Optional[float] = ..., hole: _Optional[_Union[Hole, _Mapping]] = ...) -> None: ...

class SynthesizeResponse(_message.Message):
    __slots__ = ("queued", "started", "progress", "result", "heartbeat")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    queued: Queued
    started: Started
    progress: Progress
    result: Result
    heartbeat: Heartbeat
    def __init__(self, queued: _Optional[_Union[Queued, _Mapping]] = ..., started: _Optional[_Union[Started, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., result: _Optional[_Union[Result, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class SynthesizePixelsRequest(_message.Message):
    __slots__ = ("target", "method", "options", "seed", "height", "width", "start_image", "preview_interval", "variants", "determinism", "include", "fit", "priority", "queue_timeout_s", "hole")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TARGET_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    START_IMAGE_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    DETERMINISM_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    HOLE_FIELD_NUMBER: _ClassVar[int]
    target: _target_pb2.Target
    method: str
    options: _containers.ScalarMap[str, float]
    seed: int
    height: int
    width: int
    start_image: bytes
    preview_interval: int
    variants: int
    determinism: Determinism
    include: Include
    fit: Fit
    priority: Priority
    queue_timeout_s: float
    hole: Hole
    def __init__(self, target: _Optional[_Union[_target_pb2.Target, _Mapping]] = ..., method: _Optional[str] = ..., options: _Optional[_Mapping[str, float]] = ..., seed: _Optional[int] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., start_image: _Optional[bytes] = ..., preview_interval: _Optional[int] = ..., variants: _Optional[int] = ..., determinism: _Optional[_Union[Determinism, str]] = ..., include: _Optional[_Union[Include, _Mapping]] = ..., fit: _Optional[_Union[Fit, str]] = ..., priority: _Optional[_Union[Priority, str]] = ..., queue_timeout_s: _Optional[float] = ..., hole: _Optional[_Union[Hole, _Mapping]] = ...) -> None: ...

class SynthesizePixelsResponse(_message.Message):
    __slots__ = ("queued", "started", "progress", "result", "heartbeat")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    queued: Queued
    started: Started
    progress: Progress
    result: Result
    heartbeat: Heartbeat
    def __init__(self, queued: _Optional[_Union[Queued, _Mapping]] = ..., started: _Optional[_Union[Started, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., result: _Optional[_Union[Result, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class Queued(_message.Message):
    __slots__ = ("position",)
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Progress(_message.Message):
    __slots__ = ("variants",)
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    variants: _containers.RepeatedCompositeFieldContainer[VariantProgress]
    def __init__(self, variants: _Optional[_Iterable[_Union[VariantProgress, _Mapping]]] = ...) -> None: ...

class VariantProgress(_message.Message):
    __slots__ = ("variant", "step", "total_steps", "activation", "preview")
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TOTAL_STEPS_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    variant: int
    step: int
    total_steps: int
    activation: float
    preview: bytes
    def __init__(self, variant: _Optional[int] = ..., step: _Optional[int] = ..., total_steps: _Optional[int] = ..., activation: _Optional[float] = ..., preview: _Optional[bytes] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("variant", "png", "image", "activation", "term_activations", "history", "code", "ending", "recipe", "start_rank", "term_readouts", "gradient_steps", "silent_terms", "alpha")
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    PNG_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    TERM_ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    ENDING_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    START_RANK_FIELD_NUMBER: _ClassVar[int]
    TERM_READOUTS_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_STEPS_FIELD_NUMBER: _ClassVar[int]
    SILENT_TERMS_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    variant: int
    png: bytes
    image: _target_pb2.Array
    activation: float
    term_activations: _containers.RepeatedScalarFieldContainer[float]
    history: _target_pb2.Array
    code: _target_pb2.Array
    ending: Ending
    recipe: Recipe
    start_rank: StartRank
    term_readouts: _containers.RepeatedScalarFieldContainer[_target_pb2.Readout]
    gradient_steps: int
    silent_terms: _containers.RepeatedScalarFieldContainer[int]
    alpha: bytes
    def __init__(self, variant: _Optional[int] = ..., png: _Optional[bytes] = ..., image: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., activation: _Optional[float] = ..., term_activations: _Optional[_Iterable[float]] = ..., history: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., code: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., ending: _Optional[_Union[Ending, str]] = ..., recipe: _Optional[_Union[Recipe, _Mapping]] = ..., start_rank: _Optional[_Union[StartRank, _Mapping]] = ..., term_readouts: _Optional[_Iterable[_Union[_target_pb2.Readout, str]]] = ..., gradient_steps: _Optional[int] = ..., silent_terms: _Optional[_Iterable[int]] = ..., alpha: _Optional[bytes] = ...) -> None: ...

class StartRank(_message.Message):
    __slots__ = ("rank", "draws", "activation", "percentile")
    RANK_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    PERCENTILE_FIELD_NUMBER: _ClassVar[int]
    rank: int
    draws: int
    activation: float
    percentile: float
    def __init__(self, rank: _Optional[int] = ..., draws: _Optional[int] = ..., activation: _Optional[float] = ..., percentile: _Optional[float] = ...) -> None: ...

class Recipe(_message.Message):
    __slots__ = ("synthesize", "synthesize_pixels", "model_digests", "versions", "device", "percentiles")
    class ModelDigestsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SYNTHESIZE_FIELD_NUMBER: _ClassVar[int]
    SYNTHESIZE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PERCENTILES_FIELD_NUMBER: _ClassVar[int]
    synthesize: SynthesizeRequest
    synthesize_pixels: SynthesizePixelsRequest
    model_digests: _containers.ScalarMap[str, str]
    versions: _containers.ScalarMap[str, str]
    device: str
    percentiles: _containers.RepeatedCompositeFieldContainer[Percentile]
    def __init__(self, synthesize: _Optional[_Union[SynthesizeRequest, _Mapping]] = ..., synthesize_pixels: _Optional[_Union[SynthesizePixelsRequest, _Mapping]] = ..., model_digests: _Optional[_Mapping[str, str]] = ..., versions: _Optional[_Mapping[str, str]] = ..., device: _Optional[str] = ..., percentiles: _Optional[_Iterable[_Union[Percentile, _Mapping]]] = ...) -> None: ...

class Percentile(_message.Message):
    __slots__ = ("term", "percent", "largest", "index", "photographs")
    TERM_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    LARGEST_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PHOTOGRAPHS_FIELD_NUMBER: _ClassVar[int]
    term: int
    percent: float
    largest: float
    index: str
    photographs: int
    def __init__(self, term: _Optional[int] = ..., percent: _Optional[float] = ..., largest: _Optional[float] = ..., index: _Optional[str] = ..., photographs: _Optional[int] = ...) -> None: ...

class DrawRequest(_message.Message):
    __slots__ = ("prior", "codes", "include", "priority", "queue_timeout_s")
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    prior: str
    codes: _target_pb2.Array
    include: Include
    priority: Priority
    queue_timeout_s: float
    def __init__(self, prior: _Optional[str] = ..., codes: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., include: _Optional[_Union[Include, _Mapping]] = ..., priority: _Optional[_Union[Priority, str]] = ..., queue_timeout_s: _Optional[float] = ...) -> None: ...

class DrawResponse(_message.Message):
    __slots__ = ("pictures", "model_digests")
    class ModelDigestsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    pictures: _containers.RepeatedCompositeFieldContainer[Picture]
    model_digests: _containers.ScalarMap[str, str]
    def __init__(self, pictures: _Optional[_Iterable[_Union[Picture, _Mapping]]] = ..., model_digests: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Picture(_message.Message):
    __slots__ = ("png", "image")
    PNG_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    png: bytes
    image: _target_pb2.Array
    def __init__(self, png: _Optional[bytes] = ..., image: _Optional[_Union[_target_pb2.Array, _Mapping]] = ...) -> None: ...
