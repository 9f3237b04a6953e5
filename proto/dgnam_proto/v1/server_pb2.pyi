from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_steps", "max_terms", "max_variants", "queue_capacity", "max_batch_rows", "max_message_bytes", "max_start_image_pixels", "max_pixels", "max_request_bytes", "max_request_pixels", "client_queue_capacity", "queue_timeout_s", "max_memory_bytes", "max_positions", "max_job_pictures")
    MAX_STEPS_FIELD_NUMBER: _ClassVar[int]
    MAX_TERMS_FIELD_NUMBER: _ClassVar[int]
    MAX_VARIANTS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_CAPACITY_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_START_IMAGE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUEST_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUEST_PIXELS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_QUEUE_CAPACITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    MAX_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_JOB_PICTURES_FIELD_NUMBER: _ClassVar[int]
    max_steps: int
    max_terms: int
    max_variants: int
    queue_capacity: int
    max_batch_rows: int
    max_message_bytes: int
    max_start_image_pixels: int
    max_pixels: int
    max_request_bytes: int
    max_request_pixels: int
    client_queue_capacity: int
    queue_timeout_s: float
    max_memory_bytes: int
    max_positions: int
    max_job_pictures: int
    def __init__(self, max_steps: _Optional[int] = ..., max_terms: _Optional[int] = ..., max_variants: _Optional[int] = ..., queue_capacity: _Optional[int] = ..., max_batch_rows: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., max_start_image_pixels: _Optional[int] = ..., max_pixels: _Optional[int] = ..., max_request_bytes: _Optional[int] = ..., max_request_pixels: _Optional[int] = ..., client_queue_capacity: _Optional[int] = ..., queue_timeout_s: _Optional[float] = ..., max_memory_bytes: _Optional[int] = ..., max_positions: _Optional[int] = ..., max_job_pictures: _Optional[int] = ...) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("version", "device", "precision", "limits", "versions", "uptime_s")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    UPTIME_S_FIELD_NUMBER: _ClassVar[int]
    version: str
    device: str
    precision: str
    limits: Limits
    versions: _containers.ScalarMap[str, str]
    uptime_s: float
    def __init__(self, version: _Optional[str] = ..., device: _Optional[str] = ..., precision: _Optional[str] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., versions: _Optional[_Mapping[str, str]] = ..., uptime_s: _Optional[float] = ...) -> None: ...

class GetLoadRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LaneLoad(_message.Message):
    __slots__ = ("key", "running_rows", "waiting_rows")
    KEY_FIELD_NUMBER: _ClassVar[int]
    RUNNING_ROWS_FIELD_NUMBER: _ClassVar[int]
    WAITING_ROWS_FIELD_NUMBER: _ClassVar[int]
    key: str
    running_rows: int
    waiting_rows: int
    def __init__(self, key: _Optional[str] = ..., running_rows: _Optional[int] = ..., waiting_rows: _Optional[int] = ...) -> None: ...

class ClientLoad(_message.Message):
    __slots__ = ("client", "queued_jobs", "running_jobs", "clients_ahead", "memory_bytes")
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    QUEUED_JOBS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_JOBS_FIELD_NUMBER: _ClassVar[int]
    CLIENTS_AHEAD_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    client: str
    queued_jobs: int
    running_jobs: int
    clients_ahead: int
    memory_bytes: int
    def __init__(self, client: _Optional[str] = ..., queued_jobs: _Optional[int] = ..., running_jobs: _Optional[int] = ..., clients_ahead: _Optional[int] = ..., memory_bytes: _Optional[int] = ...) -> None: ...

class GetLoadResponse(_message.Message):
    __slots__ = ("queued_jobs", "running_jobs", "lanes", "finished_jobs", "failed_jobs", "cancelled_jobs", "draining", "memory_bytes", "own")
    QUEUED_JOBS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_JOBS_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    FINISHED_JOBS_FIELD_NUMBER: _ClassVar[int]
    FAILED_JOBS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_JOBS_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    queued_jobs: int
    running_jobs: int
    lanes: _containers.RepeatedCompositeFieldContainer[LaneLoad]
    finished_jobs: int
    failed_jobs: int
    cancelled_jobs: int
    draining: bool
    memory_bytes: int
    own: ClientLoad
    def __init__(self, queued_jobs: _Optional[int] = ..., running_jobs: _Optional[int] = ..., lanes: _Optional[_Iterable[_Union[LaneLoad, _Mapping]]] = ..., finished_jobs: _Optional[int] = ..., failed_jobs: _Optional[int] = ..., cancelled_jobs: _Optional[int] = ..., draining: bool = ..., memory_bytes: _Optional[int] = ..., own: _Optional[_Union[ClientLoad, _Mapping]] = ...) -> None: ...
