from dgnam_proto.v1 import target_pb2 as _target_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

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
    __slots__ = ("images", "places")
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedScalarFieldContainer[bytes]
    places: _containers.RepeatedCompositeFieldContainer[Place]
    def __init__(self, images: _Optional[_Iterable[bytes]] = ..., places: _Optional[_Iterable[_Union[Place, _Mapping]]] = ...) -> None: ...

class ActivationsResponse(_message.Message):
    __slots__ = ("activations", "model_digests")
    class ModelDigestsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    activations: _containers.RepeatedCompositeFieldContainer[_target_pb2.Array]
    model_digests: _containers.ScalarMap[str, str]
    def __init__(self, activations: _Optional[_Iterable[_Union[_target_pb2.Array, _Mapping]]] = ..., model_digests: _Optional[_Mapping[str, str]] = ...) -> None: ...
