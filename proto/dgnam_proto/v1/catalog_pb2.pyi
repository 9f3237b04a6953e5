from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_CLASSIFIER: _ClassVar[Role]
    ROLE_PRIOR: _ClassVar[Role]

class Space(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPACE_UNSPECIFIED: _ClassVar[Space]
    SPACE_CODE: _ClassVar[Space]
    SPACE_PIXELS: _ClassVar[Space]
ROLE_UNSPECIFIED: Role
ROLE_CLASSIFIER: Role
ROLE_PRIOR: Role
SPACE_UNSPECIFIED: Space
SPACE_CODE: Space
SPACE_PIXELS: Space

class Tap(_message.Message):
    __slots__ = ("name", "shape", "receptive_field")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    RECEPTIVE_FIELD_FIELD_NUMBER: _ClassVar[int]
    name: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    receptive_field: ReceptiveField
    def __init__(self, name: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., receptive_field: _Optional[_Union[ReceptiveField, _Mapping]] = ...) -> None: ...

class ReceptiveField(_message.Message):
    __slots__ = ("top", "bottom", "left", "right")
    TOP_FIELD_NUMBER: _ClassVar[int]
    BOTTOM_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    top: _containers.RepeatedScalarFieldContainer[int]
    bottom: _containers.RepeatedScalarFieldContainer[int]
    left: _containers.RepeatedScalarFieldContainer[int]
    right: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, top: _Optional[_Iterable[int]] = ..., bottom: _Optional[_Iterable[int]] = ..., left: _Optional[_Iterable[int]] = ..., right: _Optional[_Iterable[int]] = ...) -> None: ...

class Code(_message.Message):
    __slots__ = ("size", "encoder", "tap", "start_learning_rate", "option_defaults")
    class OptionDefaultsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: OptionDefaults
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[OptionDefaults, _Mapping]] = ...) -> None: ...
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ENCODER_FIELD_NUMBER: _ClassVar[int]
    TAP_FIELD_NUMBER: _ClassVar[int]
    START_LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    OPTION_DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    size: int
    encoder: str
    tap: str
    start_learning_rate: float
    option_defaults: _containers.MessageMap[str, OptionDefaults]
    def __init__(self, size: _Optional[int] = ..., encoder: _Optional[str] = ..., tap: _Optional[str] = ..., start_learning_rate: _Optional[float] = ..., option_defaults: _Optional[_Mapping[str, OptionDefaults]] = ...) -> None: ...

class OptionDefaults(_message.Message):
    __slots__ = ("values",)
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.ScalarMap[str, float]
    def __init__(self, values: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "role", "description", "licence", "digest", "architecture", "image_height", "image_width", "taps", "output_tap", "labels", "code", "training_json", "forward_only", "indices", "default_projection")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_WIDTH_FIELD_NUMBER: _ClassVar[int]
    TAPS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TAP_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TRAINING_JSON_FIELD_NUMBER: _ClassVar[int]
    FORWARD_ONLY_FIELD_NUMBER: _ClassVar[int]
    INDICES_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_PROJECTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: Role
    description: str
    licence: str
    digest: str
    architecture: str
    image_height: int
    image_width: int
    taps: _containers.RepeatedCompositeFieldContainer[Tap]
    output_tap: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    code: Code
    training_json: str
    forward_only: str
    indices: _containers.RepeatedScalarFieldContainer[str]
    default_projection: str
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[Role, str]] = ..., description: _Optional[str] = ..., licence: _Optional[str] = ..., digest: _Optional[str] = ..., architecture: _Optional[str] = ..., image_height: _Optional[int] = ..., image_width: _Optional[int] = ..., taps: _Optional[_Iterable[_Union[Tap, _Mapping]]] = ..., output_tap: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., code: _Optional[_Union[Code, _Mapping]] = ..., training_json: _Optional[str] = ..., forward_only: _Optional[str] = ..., indices: _Optional[_Iterable[str]] = ..., default_projection: _Optional[str] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("name", "receptive_fields_of")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RECEPTIVE_FIELDS_OF_FIELD_NUMBER: _ClassVar[int]
    name: str
    receptive_fields_of: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., receptive_fields_of: _Optional[_Iterable[str]] = ...) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: Model
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ...) -> None: ...

class ListUnitsRequest(_message.Message):
    __slots__ = ("model", "tap", "filter", "page_size", "page_token")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TAP_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    model: str
    tap: str
    filter: str
    page_size: int
    page_token: str
    def __init__(self, model: _Optional[str] = ..., tap: _Optional[str] = ..., filter: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class UnitInfo(_message.Message):
    __slots__ = ("index", "label", "address")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    index: int
    label: str
    address: str
    def __init__(self, index: _Optional[int] = ..., label: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class ListUnitsResponse(_message.Message):
    __slots__ = ("units", "next_page_token", "total_size")
    UNITS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    units: _containers.RepeatedCompositeFieldContainer[UnitInfo]
    next_page_token: str
    total_size: int
    def __init__(self, units: _Optional[_Iterable[_Union[UnitInfo, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class ListMethodsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Option(_message.Message):
    __slots__ = ("name", "description", "minimum", "maximum", "default_value", "integer", "part")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    minimum: float
    maximum: float
    default_value: float
    integer: bool
    part: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ..., default_value: _Optional[float] = ..., integer: bool = ..., part: _Optional[str] = ...) -> None: ...

class Method(_message.Message):
    __slots__ = ("name", "description", "citation", "options", "space")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CITATION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    citation: str
    options: _containers.RepeatedCompositeFieldContainer[Option]
    space: Space
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., citation: _Optional[str] = ..., options: _Optional[_Iterable[_Union[Option, _Mapping]]] = ..., space: _Optional[_Union[Space, str]] = ...) -> None: ...

class ListMethodsResponse(_message.Message):
    __slots__ = ("methods", "default_method", "default_prior", "default_pixel_method", "projections", "default_projection")
    METHODS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_METHOD_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_PRIOR_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_PIXEL_METHOD_FIELD_NUMBER: _ClassVar[int]
    PROJECTIONS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_PROJECTION_FIELD_NUMBER: _ClassVar[int]
    methods: _containers.RepeatedCompositeFieldContainer[Method]
    default_method: str
    default_prior: str
    default_pixel_method: str
    projections: _containers.RepeatedCompositeFieldContainer[Method]
    default_projection: str
    def __init__(self, methods: _Optional[_Iterable[_Union[Method, _Mapping]]] = ..., default_method: _Optional[str] = ..., default_prior: _Optional[str] = ..., default_pixel_method: _Optional[str] = ..., projections: _Optional[_Iterable[_Union[Method, _Mapping]]] = ..., default_projection: _Optional[str] = ...) -> None: ...
