from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Readout(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    READOUT_UNSPECIFIED: _ClassVar[Readout]
    READOUT_ACTIVATION: _ClassVar[Readout]
    READOUT_PROBABILITY: _ClassVar[Readout]
    READOUT_LOG_PROBABILITY: _ClassVar[Readout]

class Balance(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BALANCE_UNSPECIFIED: _ClassVar[Balance]
    BALANCE_NONE: _ClassVar[Balance]
    BALANCE_GRADIENT_NORM: _ClassVar[Balance]
    BALANCE_EQUAL_ACTIVATION: _ClassVar[Balance]
READOUT_UNSPECIFIED: Readout
READOUT_ACTIVATION: Readout
READOUT_PROBABILITY: Readout
READOUT_LOG_PROBABILITY: Readout
BALANCE_UNSPECIFIED: Balance
BALANCE_NONE: Balance
BALANCE_GRADIENT_NORM: Balance
BALANCE_EQUAL_ACTIVATION: Balance

class Array(_message.Message):
    __slots__ = ("shape", "data")
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    shape: _containers.RepeatedScalarFieldContainer[int]
    data: bytes
    def __init__(self, shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("y", "x", "token")
    Y_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    y: int
    x: int
    token: int
    def __init__(self, y: _Optional[int] = ..., x: _Optional[int] = ..., token: _Optional[int] = ...) -> None: ...

class FeatureMap(_message.Message):
    __slots__ = ("index", "of")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    index: int
    of: bytes
    def __init__(self, index: _Optional[int] = ..., of: _Optional[bytes] = ...) -> None: ...

class SortedMaps(_message.Message):
    __slots__ = ("of", "relevant_to")
    OF_FIELD_NUMBER: _ClassVar[int]
    RELEVANT_TO_FIELD_NUMBER: _ClassVar[int]
    of: _containers.RepeatedScalarFieldContainer[bytes]
    relevant_to: Unit
    def __init__(self, of: _Optional[_Iterable[bytes]] = ..., relevant_to: _Optional[_Union[Unit, _Mapping]] = ...) -> None: ...

class Pictures(_message.Message):
    __slots__ = ("of",)
    OF_FIELD_NUMBER: _ClassVar[int]
    of: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, of: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Unit(_message.Message):
    __slots__ = ("model", "tap", "index", "label", "direction", "features", "features_of", "feature_map", "random_maps_of", "channel_sums_of", "gram_of", "sorted_maps", "similar_to", "similar_gram_to", "position", "bare")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TAP_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FEATURES_OF_FIELD_NUMBER: _ClassVar[int]
    FEATURE_MAP_FIELD_NUMBER: _ClassVar[int]
    RANDOM_MAPS_OF_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_SUMS_OF_FIELD_NUMBER: _ClassVar[int]
    GRAM_OF_FIELD_NUMBER: _ClassVar[int]
    SORTED_MAPS_FIELD_NUMBER: _ClassVar[int]
    SIMILAR_TO_FIELD_NUMBER: _ClassVar[int]
    SIMILAR_GRAM_TO_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    BARE_FIELD_NUMBER: _ClassVar[int]
    model: str
    tap: str
    index: int
    label: str
    direction: Array
    features: Array
    features_of: bytes
    feature_map: FeatureMap
    random_maps_of: bytes
    channel_sums_of: bytes
    gram_of: bytes
    sorted_maps: SortedMaps
    similar_to: Pictures
    similar_gram_to: Pictures
    position: Position
    bare: bool
    def __init__(self, model: _Optional[str] = ..., tap: _Optional[str] = ..., index: _Optional[int] = ..., label: _Optional[str] = ..., direction: _Optional[_Union[Array, _Mapping]] = ..., features: _Optional[_Union[Array, _Mapping]] = ..., features_of: _Optional[bytes] = ..., feature_map: _Optional[_Union[FeatureMap, _Mapping]] = ..., random_maps_of: _Optional[bytes] = ..., channel_sums_of: _Optional[bytes] = ..., gram_of: _Optional[bytes] = ..., sorted_maps: _Optional[_Union[SortedMaps, _Mapping]] = ..., similar_to: _Optional[_Union[Pictures, _Mapping]] = ..., similar_gram_to: _Optional[_Union[Pictures, _Mapping]] = ..., position: _Optional[_Union[Position, _Mapping]] = ..., bare: bool = ...) -> None: ...

class Term(_message.Message):
    __slots__ = ("unit", "weight", "readout")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    READOUT_FIELD_NUMBER: _ClassVar[int]
    unit: Unit
    weight: float
    readout: Readout
    def __init__(self, unit: _Optional[_Union[Unit, _Mapping]] = ..., weight: _Optional[float] = ..., readout: _Optional[_Union[Readout, str]] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("terms", "balance")
    TERMS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    terms: _containers.RepeatedCompositeFieldContainer[Term]
    balance: Balance
    def __init__(self, terms: _Optional[_Iterable[_Union[Term, _Mapping]]] = ..., balance: _Optional[_Union[Balance, str]] = ...) -> None: ...
