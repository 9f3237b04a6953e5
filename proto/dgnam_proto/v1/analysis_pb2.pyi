from dgnam_proto.v1 import synthesis_pb2 as _synthesis_pb2
from dgnam_proto.v1 import target_pb2 as _target_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Change(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANGE_UNSPECIFIED: _ClassVar[Change]
    CHANGE_TRANSLATION: _ClassVar[Change]
    CHANGE_ROTATION: _ClassVar[Change]
    CHANGE_SCALE: _ClassVar[Change]
CHANGE_UNSPECIFIED: Change
CHANGE_TRANSLATION: Change
CHANGE_ROTATION: Change
CHANGE_SCALE: Change

class Place(_message.Message):
    __slots__ = ("model", "tap", "index", "label", "position", "bare")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TAP_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    BARE_FIELD_NUMBER: _ClassVar[int]
    model: str
    tap: str
    index: int
    label: str
    position: _target_pb2.Position
    bare: bool
    def __init__(self, model: _Optional[str] = ..., tap: _Optional[str] = ..., index: _Optional[int] = ..., label: _Optional[str] = ..., position: _Optional[_Union[_target_pb2.Position, _Mapping]] = ..., bare: bool = ...) -> None: ...

class ActivationsRequest(_message.Message):
    __slots__ = ("images", "places", "priority", "queue_timeout_s")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedScalarFieldContainer[bytes]
    places: _containers.RepeatedCompositeFieldContainer[Place]
    priority: _synthesis_pb2.Priority
    queue_timeout_s: float
    def __init__(self, images: _Optional[_Iterable[bytes]] = ..., places: _Optional[_Iterable[_Union[Place, _Mapping]]] = ..., priority: _Optional[_Union[_synthesis_pb2.Priority, str]] = ..., queue_timeout_s: _Optional[float] = ...) -> None: ...

class ActivationsResponse(_message.Message):
    __slots__ = ("activations", "model_digests", "percentiles")
    class ModelDigestsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    PERCENTILES_FIELD_NUMBER: _ClassVar[int]
    activations: _containers.RepeatedCompositeFieldContainer[_target_pb2.Array]
    model_digests: _containers.ScalarMap[str, str]
    percentiles: _containers.RepeatedCompositeFieldContainer[Percentiles]
    def __init__(self, activations: _Optional[_Iterable[_Union[_target_pb2.Array, _Mapping]]] = ..., model_digests: _Optional[_Mapping[str, str]] = ..., percentiles: _Optional[_Iterable[_Union[Percentiles, _Mapping]]] = ...) -> None: ...

class Percentiles(_message.Message):
    __slots__ = ("place", "percents", "largest", "index", "photographs")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    PERCENTS_FIELD_NUMBER: _ClassVar[int]
    LARGEST_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PHOTOGRAPHS_FIELD_NUMBER: _ClassVar[int]
    place: int
    percents: _target_pb2.Array
    largest: _target_pb2.Array
    index: str
    photographs: int
    def __init__(self, place: _Optional[int] = ..., percents: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., largest: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., index: _Optional[str] = ..., photographs: _Optional[int] = ...) -> None: ...

class ProjectRequest(_message.Message):
    __slots__ = ("images", "place", "method", "options", "top", "layer", "enlarge", "determinism", "priority", "queue_timeout_s")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    ENLARGE_FIELD_NUMBER: _ClassVar[int]
    DETERMINISM_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedScalarFieldContainer[bytes]
    place: Place
    method: str
    options: _containers.ScalarMap[str, float]
    top: int
    layer: str
    enlarge: bool
    determinism: _synthesis_pb2.Determinism
    priority: _synthesis_pb2.Priority
    queue_timeout_s: float
    def __init__(self, images: _Optional[_Iterable[bytes]] = ..., place: _Optional[_Union[Place, _Mapping]] = ..., method: _Optional[str] = ..., options: _Optional[_Mapping[str, float]] = ..., top: _Optional[int] = ..., layer: _Optional[str] = ..., enlarge: bool = ..., determinism: _Optional[_Union[_synthesis_pb2.Determinism, str]] = ..., priority: _Optional[_Union[_synthesis_pb2.Priority, str]] = ..., queue_timeout_s: _Optional[float] = ...) -> None: ...

class ProjectResponse(_message.Message):
    __slots__ = ("queued", "started", "progress", "result", "heartbeat")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    queued: _synthesis_pb2.Queued
    started: _synthesis_pb2.Started
    progress: AnalysisProgress
    result: Projection
    heartbeat: _synthesis_pb2.Heartbeat
    def __init__(self, queued: _Optional[_Union[_synthesis_pb2.Queued, _Mapping]] = ..., started: _Optional[_Union[_synthesis_pb2.Started, _Mapping]] = ..., progress: _Optional[_Union[AnalysisProgress, _Mapping]] = ..., result: _Optional[_Union[Projection, _Mapping]] = ..., heartbeat: _Optional[_Union[_synthesis_pb2.Heartbeat, _Mapping]] = ...) -> None: ...

class AnalysisProgress(_message.Message):
    __slots__ = ("pictures",)
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    pictures: _containers.RepeatedCompositeFieldContainer[PictureProgress]
    def __init__(self, pictures: _Optional[_Iterable[_Union[PictureProgress, _Mapping]]] = ...) -> None: ...

class PictureProgress(_message.Message):
    __slots__ = ("picture", "step", "total_steps")
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TOTAL_STEPS_FIELD_NUMBER: _ClassVar[int]
    picture: int
    step: int
    total_steps: int
    def __init__(self, picture: _Optional[int] = ..., step: _Optional[int] = ..., total_steps: _Optional[int] = ...) -> None: ...

class Projection(_message.Message):
    __slots__ = ("picture", "unit", "label", "positions", "activations", "values", "png", "seen", "recipe")
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    PNG_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    picture: int
    unit: int
    label: str
    positions: _containers.RepeatedCompositeFieldContainer[_target_pb2.Position]
    activations: _containers.RepeatedScalarFieldContainer[float]
    values: _target_pb2.Array
    png: bytes
    seen: bytes
    recipe: AnalysisRecipe
    def __init__(self, picture: _Optional[int] = ..., unit: _Optional[int] = ..., label: _Optional[str] = ..., positions: _Optional[_Iterable[_Union[_target_pb2.Position, _Mapping]]] = ..., activations: _Optional[_Iterable[float]] = ..., values: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., png: _Optional[bytes] = ..., seen: _Optional[bytes] = ..., recipe: _Optional[_Union[AnalysisRecipe, _Mapping]] = ...) -> None: ...

class OccludeRequest(_message.Message):
    __slots__ = ("images", "places", "size", "stride", "colour", "determinism", "priority", "queue_timeout_s")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    COLOUR_FIELD_NUMBER: _ClassVar[int]
    DETERMINISM_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedScalarFieldContainer[bytes]
    places: _containers.RepeatedCompositeFieldContainer[Place]
    size: int
    stride: int
    colour: _containers.RepeatedScalarFieldContainer[float]
    determinism: _synthesis_pb2.Determinism
    priority: _synthesis_pb2.Priority
    queue_timeout_s: float
    def __init__(self, images: _Optional[_Iterable[bytes]] = ..., places: _Optional[_Iterable[_Union[Place, _Mapping]]] = ..., size: _Optional[int] = ..., stride: _Optional[int] = ..., colour: _Optional[_Iterable[float]] = ..., determinism: _Optional[_Union[_synthesis_pb2.Determinism, str]] = ..., priority: _Optional[_Union[_synthesis_pb2.Priority, str]] = ..., queue_timeout_s: _Optional[float] = ...) -> None: ...

class OccludeResponse(_message.Message):
    __slots__ = ("queued", "started", "progress", "result", "heartbeat")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    queued: _synthesis_pb2.Queued
    started: _synthesis_pb2.Started
    progress: AnalysisProgress
    result: Occlusion
    heartbeat: _synthesis_pb2.Heartbeat
    def __init__(self, queued: _Optional[_Union[_synthesis_pb2.Queued, _Mapping]] = ..., started: _Optional[_Union[_synthesis_pb2.Started, _Mapping]] = ..., progress: _Optional[_Union[AnalysisProgress, _Mapping]] = ..., result: _Optional[_Union[Occlusion, _Mapping]] = ..., heartbeat: _Optional[_Union[_synthesis_pb2.Heartbeat, _Mapping]] = ...) -> None: ...

class Occlusion(_message.Message):
    __slots__ = ("picture", "unit", "class_index", "class_label", "activation", "probability", "top_class", "activation_map", "probability_map", "top_classes", "labels", "activation_png", "probability_png", "classes_png", "seen", "recipe")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: str
        def __init__(self, key: _Optional[int] = ..., value: _Optional[str] = ...) -> None: ...
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    CLASS_INDEX_FIELD_NUMBER: _ClassVar[int]
    CLASS_LABEL_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    TOP_CLASS_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_MAP_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_MAP_FIELD_NUMBER: _ClassVar[int]
    TOP_CLASSES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_PNG_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_PNG_FIELD_NUMBER: _ClassVar[int]
    CLASSES_PNG_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    picture: int
    unit: int
    class_index: int
    class_label: str
    activation: float
    probability: float
    top_class: int
    activation_map: _target_pb2.Array
    probability_map: _target_pb2.Array
    top_classes: _containers.RepeatedScalarFieldContainer[int]
    labels: _containers.ScalarMap[int, str]
    activation_png: bytes
    probability_png: bytes
    classes_png: bytes
    seen: bytes
    recipe: AnalysisRecipe
    def __init__(self, picture: _Optional[int] = ..., unit: _Optional[int] = ..., class_index: _Optional[int] = ..., class_label: _Optional[str] = ..., activation: _Optional[float] = ..., probability: _Optional[float] = ..., top_class: _Optional[int] = ..., activation_map: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., probability_map: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., top_classes: _Optional[_Iterable[int]] = ..., labels: _Optional[_Mapping[int, str]] = ..., activation_png: _Optional[bytes] = ..., probability_png: _Optional[bytes] = ..., classes_png: _Optional[bytes] = ..., seen: _Optional[bytes] = ..., recipe: _Optional[_Union[AnalysisRecipe, _Mapping]] = ...) -> None: ...

class ExemplarsRequest(_message.Message):
    __slots__ = ("place", "count", "index", "project", "method", "options", "layer", "determinism", "priority", "queue_timeout_s")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    PLACE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    DETERMINISM_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    place: Place
    count: int
    index: str
    project: bool
    method: str
    options: _containers.ScalarMap[str, float]
    layer: str
    determinism: _synthesis_pb2.Determinism
    priority: _synthesis_pb2.Priority
    queue_timeout_s: float
    def __init__(self, place: _Optional[_Union[Place, _Mapping]] = ..., count: _Optional[int] = ..., index: _Optional[str] = ..., project: bool = ..., method: _Optional[str] = ..., options: _Optional[_Mapping[str, float]] = ..., layer: _Optional[str] = ..., determinism: _Optional[_Union[_synthesis_pb2.Determinism, str]] = ..., priority: _Optional[_Union[_synthesis_pb2.Priority, str]] = ..., queue_timeout_s: _Optional[float] = ...) -> None: ...

class ExemplarsResponse(_message.Message):
    __slots__ = ("queued", "started", "progress", "result", "heartbeat")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    queued: _synthesis_pb2.Queued
    started: _synthesis_pb2.Started
    progress: AnalysisProgress
    result: Exemplar
    heartbeat: _synthesis_pb2.Heartbeat
    def __init__(self, queued: _Optional[_Union[_synthesis_pb2.Queued, _Mapping]] = ..., started: _Optional[_Union[_synthesis_pb2.Started, _Mapping]] = ..., progress: _Optional[_Union[AnalysisProgress, _Mapping]] = ..., result: _Optional[_Union[Exemplar, _Mapping]] = ..., heartbeat: _Optional[_Union[_synthesis_pb2.Heartbeat, _Mapping]] = ...) -> None: ...

class Exemplar(_message.Message):
    __slots__ = ("rank", "photograph", "folder", "unit", "label", "activation", "position", "box", "seen", "projection", "index", "photographs")
    RANK_FIELD_NUMBER: _ClassVar[int]
    PHOTOGRAPH_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    PROJECTION_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PHOTOGRAPHS_FIELD_NUMBER: _ClassVar[int]
    rank: int
    photograph: str
    folder: str
    unit: int
    label: str
    activation: float
    position: _target_pb2.Position
    box: PixelBox
    seen: bytes
    projection: Projection
    index: str
    photographs: int
    def __init__(self, rank: _Optional[int] = ..., photograph: _Optional[str] = ..., folder: _Optional[str] = ..., unit: _Optional[int] = ..., label: _Optional[str] = ..., activation: _Optional[float] = ..., position: _Optional[_Union[_target_pb2.Position, _Mapping]] = ..., box: _Optional[_Union[PixelBox, _Mapping]] = ..., seen: _Optional[bytes] = ..., projection: _Optional[_Union[Projection, _Mapping]] = ..., index: _Optional[str] = ..., photographs: _Optional[int] = ...) -> None: ...

class PixelBox(_message.Message):
    __slots__ = ("top", "left", "bottom", "right")
    TOP_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    BOTTOM_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    top: int
    left: int
    bottom: int
    right: int
    def __init__(self, top: _Optional[int] = ..., left: _Optional[int] = ..., bottom: _Optional[int] = ..., right: _Optional[int] = ...) -> None: ...

class TransformRequest(_message.Message):
    __slots__ = ("images", "places", "translations", "rotations", "scales", "colour", "determinism", "priority", "queue_timeout_s")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    TRANSLATIONS_FIELD_NUMBER: _ClassVar[int]
    ROTATIONS_FIELD_NUMBER: _ClassVar[int]
    SCALES_FIELD_NUMBER: _ClassVar[int]
    COLOUR_FIELD_NUMBER: _ClassVar[int]
    DETERMINISM_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedScalarFieldContainer[bytes]
    places: _containers.RepeatedCompositeFieldContainer[Place]
    translations: _containers.RepeatedScalarFieldContainer[float]
    rotations: _containers.RepeatedScalarFieldContainer[float]
    scales: _containers.RepeatedScalarFieldContainer[float]
    colour: _containers.RepeatedScalarFieldContainer[float]
    determinism: _synthesis_pb2.Determinism
    priority: _synthesis_pb2.Priority
    queue_timeout_s: float
    def __init__(self, images: _Optional[_Iterable[bytes]] = ..., places: _Optional[_Iterable[_Union[Place, _Mapping]]] = ..., translations: _Optional[_Iterable[float]] = ..., rotations: _Optional[_Iterable[float]] = ..., scales: _Optional[_Iterable[float]] = ..., colour: _Optional[_Iterable[float]] = ..., determinism: _Optional[_Union[_synthesis_pb2.Determinism, str]] = ..., priority: _Optional[_Union[_synthesis_pb2.Priority, str]] = ..., queue_timeout_s: _Optional[float] = ...) -> None: ...

class TransformResponse(_message.Message):
    __slots__ = ("queued", "started", "progress", "result", "heartbeat")
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    queued: _synthesis_pb2.Queued
    started: _synthesis_pb2.Started
    progress: AnalysisProgress
    result: Invariance
    heartbeat: _synthesis_pb2.Heartbeat
    def __init__(self, queued: _Optional[_Union[_synthesis_pb2.Queued, _Mapping]] = ..., started: _Optional[_Union[_synthesis_pb2.Started, _Mapping]] = ..., progress: _Optional[_Union[AnalysisProgress, _Mapping]] = ..., result: _Optional[_Union[Invariance, _Mapping]] = ..., heartbeat: _Optional[_Union[_synthesis_pb2.Heartbeat, _Mapping]] = ...) -> None: ...

class Invariance(_message.Message):
    __slots__ = ("picture", "class_index", "class_label", "probability", "top_class", "taps", "lengths", "curves", "labels", "seen", "recipe")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: str
        def __init__(self, key: _Optional[int] = ..., value: _Optional[str] = ...) -> None: ...
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    CLASS_INDEX_FIELD_NUMBER: _ClassVar[int]
    CLASS_LABEL_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    TOP_CLASS_FIELD_NUMBER: _ClassVar[int]
    TAPS_FIELD_NUMBER: _ClassVar[int]
    LENGTHS_FIELD_NUMBER: _ClassVar[int]
    CURVES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    picture: int
    class_index: int
    class_label: str
    probability: float
    top_class: int
    taps: _containers.RepeatedScalarFieldContainer[str]
    lengths: _containers.RepeatedScalarFieldContainer[float]
    curves: _containers.RepeatedCompositeFieldContainer[InvarianceCurve]
    labels: _containers.ScalarMap[int, str]
    seen: bytes
    recipe: AnalysisRecipe
    def __init__(self, picture: _Optional[int] = ..., class_index: _Optional[int] = ..., class_label: _Optional[str] = ..., probability: _Optional[float] = ..., top_class: _Optional[int] = ..., taps: _Optional[_Iterable[str]] = ..., lengths: _Optional[_Iterable[float]] = ..., curves: _Optional[_Iterable[_Union[InvarianceCurve, _Mapping]]] = ..., labels: _Optional[_Mapping[int, str]] = ..., seen: _Optional[bytes] = ..., recipe: _Optional[_Union[AnalysisRecipe, _Mapping]] = ...) -> None: ...

class InvarianceCurve(_message.Message):
    __slots__ = ("change", "amounts", "distances", "probabilities", "top_classes")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    TOP_CLASSES_FIELD_NUMBER: _ClassVar[int]
    change: Change
    amounts: _containers.RepeatedScalarFieldContainer[float]
    distances: _target_pb2.Array
    probabilities: _containers.RepeatedScalarFieldContainer[float]
    top_classes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, change: _Optional[_Union[Change, str]] = ..., amounts: _Optional[_Iterable[float]] = ..., distances: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., probabilities: _Optional[_Iterable[float]] = ..., top_classes: _Optional[_Iterable[int]] = ...) -> None: ...

class AnalysisRecipe(_message.Message):
    __slots__ = ("project", "occlude", "transform", "model_digests", "versions", "device")
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
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    OCCLUDE_FIELD_NUMBER: _ClassVar[int]
    TRANSFORM_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    project: ProjectRequest
    occlude: OccludeRequest
    transform: TransformRequest
    model_digests: _containers.ScalarMap[str, str]
    versions: _containers.ScalarMap[str, str]
    device: str
    def __init__(self, project: _Optional[_Union[ProjectRequest, _Mapping]] = ..., occlude: _Optional[_Union[OccludeRequest, _Mapping]] = ..., transform: _Optional[_Union[TransformRequest, _Mapping]] = ..., model_digests: _Optional[_Mapping[str, str]] = ..., versions: _Optional[_Mapping[str, str]] = ..., device: _Optional[str] = ...) -> None: ...

class GetFiltersRequest(_message.Message):
    __slots__ = ("model", "shared_scale")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SHARED_SCALE_FIELD_NUMBER: _ClassVar[int]
    model: str
    shared_scale: bool
    def __init__(self, model: _Optional[str] = ..., shared_scale: bool = ...) -> None: ...

class GetFiltersResponse(_message.Message):
    __slots__ = ("values", "stride_y", "stride_x", "rms", "dominating", "dead", "low", "middle", "high", "aliased", "png")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    STRIDE_Y_FIELD_NUMBER: _ClassVar[int]
    STRIDE_X_FIELD_NUMBER: _ClassVar[int]
    RMS_FIELD_NUMBER: _ClassVar[int]
    DOMINATING_FIELD_NUMBER: _ClassVar[int]
    DEAD_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    MIDDLE_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    ALIASED_FIELD_NUMBER: _ClassVar[int]
    PNG_FIELD_NUMBER: _ClassVar[int]
    values: _target_pb2.Array
    stride_y: int
    stride_x: int
    rms: _containers.RepeatedScalarFieldContainer[float]
    dominating: _containers.RepeatedScalarFieldContainer[int]
    dead: _containers.RepeatedScalarFieldContainer[int]
    low: float
    middle: float
    high: float
    aliased: float
    png: bytes
    def __init__(self, values: _Optional[_Union[_target_pb2.Array, _Mapping]] = ..., stride_y: _Optional[int] = ..., stride_x: _Optional[int] = ..., rms: _Optional[_Iterable[float]] = ..., dominating: _Optional[_Iterable[int]] = ..., dead: _Optional[_Iterable[int]] = ..., low: _Optional[float] = ..., middle: _Optional[float] = ..., high: _Optional[float] = ..., aliased: _Optional[float] = ..., png: _Optional[bytes] = ...) -> None: ...
