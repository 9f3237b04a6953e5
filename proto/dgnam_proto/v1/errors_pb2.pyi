from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_UNSPECIFIED: _ClassVar[Reason]
    REASON_INVALID_REQUEST: _ClassVar[Reason]
    REASON_NOT_FOUND: _ClassVar[Reason]
    REASON_NOT_DIFFERENTIABLE: _ClassVar[Reason]
    REASON_NO_ENCODER: _ClassVar[Reason]
    REASON_NO_DENOISER: _ClassVar[Reason]
    REASON_NO_PATCHES: _ClassVar[Reason]
    REASON_NUMERIC: _ClassVar[Reason]
    REASON_QUEUE_FULL: _ClassVar[Reason]
    REASON_WARMING_UP: _ClassVar[Reason]
    REASON_DRAINING: _ClassVar[Reason]
    REASON_DEADLINE: _ClassVar[Reason]
    REASON_CANCELLED: _ClassVar[Reason]
    REASON_TOKEN: _ClassVar[Reason]
    REASON_BUG: _ClassVar[Reason]
    REASON_MEMORY: _ClassVar[Reason]
    REASON_QUEUE_TIMEOUT: _ClassVar[Reason]
    REASON_UNREAD: _ClassVar[Reason]
    REASON_SEARCH_EXISTS: _ClassVar[Reason]
    REASON_SEARCH_OVER: _ClassVar[Reason]
    REASON_SEARCH_LIMIT: _ClassVar[Reason]
    REASON_SEARCH_UNUSABLE: _ClassVar[Reason]
    REASON_PICTURE_SIZE: _ClassVar[Reason]
    REASON_NOT_PROJECTABLE: _ClassVar[Reason]
    REASON_NO_INDEX: _ClassVar[Reason]
    REASON_PHOTOGRAPH: _ClassVar[Reason]
    REASON_NO_JOBS: _ClassVar[Reason]
    REASON_JOB_LIMIT: _ClassVar[Reason]
    REASON_JOB_STORE: _ClassVar[Reason]
    REASON_NOT_DRAWN: _ClassVar[Reason]
    REASON_NO_FILTERS: _ClassVar[Reason]
    REASON_SEARCH_STORE: _ClassVar[Reason]
REASON_UNSPECIFIED: Reason
REASON_INVALID_REQUEST: Reason
REASON_NOT_FOUND: Reason
REASON_NOT_DIFFERENTIABLE: Reason
REASON_NO_ENCODER: Reason
REASON_NO_DENOISER: Reason
REASON_NO_PATCHES: Reason
REASON_NUMERIC: Reason
REASON_QUEUE_FULL: Reason
REASON_WARMING_UP: Reason
REASON_DRAINING: Reason
REASON_DEADLINE: Reason
REASON_CANCELLED: Reason
REASON_TOKEN: Reason
REASON_BUG: Reason
REASON_MEMORY: Reason
REASON_QUEUE_TIMEOUT: Reason
REASON_UNREAD: Reason
REASON_SEARCH_EXISTS: Reason
REASON_SEARCH_OVER: Reason
REASON_SEARCH_LIMIT: Reason
REASON_SEARCH_UNUSABLE: Reason
REASON_PICTURE_SIZE: Reason
REASON_NOT_PROJECTABLE: Reason
REASON_NO_INDEX: Reason
REASON_PHOTOGRAPH: Reason
REASON_NO_JOBS: Reason
REASON_JOB_LIMIT: Reason
REASON_JOB_STORE: Reason
REASON_NOT_DRAWN: Reason
REASON_NO_FILTERS: Reason
REASON_SEARCH_STORE: Reason
