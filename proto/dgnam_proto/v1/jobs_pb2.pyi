from dgnam_proto.v1 import analysis_pb2 as _analysis_pb2
from dgnam_proto.v1 import synthesis_pb2 as _synthesis_pb2
from dgnam_proto.v1 import target_pb2 as _target_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_PAUSED: _ClassVar[JobState]
    JOB_STATE_DONE: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]

class JobPictureState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_PICTURE_STATE_UNSPECIFIED: _ClassVar[JobPictureState]
    JOB_PICTURE_STATE_WAITING: _ClassVar[JobPictureState]
    JOB_PICTURE_STATE_RUNNING: _ClassVar[JobPictureState]
    JOB_PICTURE_STATE_DONE: _ClassVar[JobPictureState]
    JOB_PICTURE_STATE_FAILED: _ClassVar[JobPictureState]

class JobPictureKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_PICTURE_KIND_UNSPECIFIED: _ClassVar[JobPictureKind]
    JOB_PICTURE_KIND_SYNTHESIS: _ClassVar[JobPictureKind]
    JOB_PICTURE_KIND_EXEMPLAR: _ClassVar[JobPictureKind]
    JOB_PICTURE_KIND_PROJECTION: _ClassVar[JobPictureKind]
    JOB_PICTURE_KIND_OCCLUSION: _ClassVar[JobPictureKind]
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_PAUSED: JobState
JOB_STATE_DONE: JobState
JOB_STATE_CANCELLED: JobState
JOB_PICTURE_STATE_UNSPECIFIED: JobPictureState
JOB_PICTURE_STATE_WAITING: JobPictureState
JOB_PICTURE_STATE_RUNNING: JobPictureState
JOB_PICTURE_STATE_DONE: JobPictureState
JOB_PICTURE_STATE_FAILED: JobPictureState
JOB_PICTURE_KIND_UNSPECIFIED: JobPictureKind
JOB_PICTURE_KIND_SYNTHESIS: JobPictureKind
JOB_PICTURE_KIND_EXEMPLAR: JobPictureKind
JOB_PICTURE_KIND_PROJECTION: JobPictureKind
JOB_PICTURE_KIND_OCCLUSION: JobPictureKind

class JobTemplate(_message.Message):
    __slots__ = ("synthesize", "synthesize_pixels")
    SYNTHESIZE_FIELD_NUMBER: _ClassVar[int]
    SYNTHESIZE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    synthesize: _synthesis_pb2.SynthesizeRequest
    synthesize_pixels: _synthesis_pb2.SynthesizePixelsRequest
    def __init__(self, synthesize: _Optional[_Union[_synthesis_pb2.SynthesizeRequest, _Mapping]] = ..., synthesize_pixels: _Optional[_Union[_synthesis_pb2.SynthesizePixelsRequest, _Mapping]] = ...) -> None: ...

class JobUnits(_message.Message):
    __slots__ = ("model", "tap", "indices", "labels")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TAP_FIELD_NUMBER: _ClassVar[int]
    INDICES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    model: str
    tap: str
    indices: _containers.RepeatedScalarFieldContainer[int]
    labels: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model: _Optional[str] = ..., tap: _Optional[str] = ..., indices: _Optional[_Iterable[int]] = ..., labels: _Optional[_Iterable[str]] = ...) -> None: ...

class JobTarget(_message.Message):
    __slots__ = ("units", "target")
    UNITS_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    units: JobUnits
    target: _target_pb2.Target
    def __init__(self, units: _Optional[_Union[JobUnits, _Mapping]] = ..., target: _Optional[_Union[_target_pb2.Target, _Mapping]] = ...) -> None: ...

class JobAnalyses(_message.Message):
    __slots__ = ("exemplars", "occlusion", "occluded")
    EXEMPLARS_FIELD_NUMBER: _ClassVar[int]
    OCCLUSION_FIELD_NUMBER: _ClassVar[int]
    OCCLUDED_FIELD_NUMBER: _ClassVar[int]
    exemplars: _analysis_pb2.ExemplarsRequest
    occlusion: _analysis_pb2.OccludeRequest
    occluded: int
    def __init__(self, exemplars: _Optional[_Union[_analysis_pb2.ExemplarsRequest, _Mapping]] = ..., occlusion: _Optional[_Union[_analysis_pb2.OccludeRequest, _Mapping]] = ..., occluded: _Optional[int] = ...) -> None: ...

class SubmitJobRequest(_message.Message):
    __slots__ = ("templates", "targets", "title", "analyses")
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ANALYSES_FIELD_NUMBER: _ClassVar[int]
    templates: _containers.RepeatedCompositeFieldContainer[JobTemplate]
    targets: _containers.RepeatedCompositeFieldContainer[JobTarget]
    title: str
    analyses: JobAnalyses
    def __init__(self, templates: _Optional[_Iterable[_Union[JobTemplate, _Mapping]]] = ..., targets: _Optional[_Iterable[_Union[JobTarget, _Mapping]]] = ..., title: _Optional[str] = ..., analyses: _Optional[_Union[JobAnalyses, _Mapping]] = ...) -> None: ...

class SubmitJobResponse(_message.Message):
    __slots__ = ("job", "resumed")
    JOB_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    job: Job
    resumed: bool
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., resumed: bool = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("id", "title", "state", "pictures", "done", "failed", "running", "found", "pictures_per_s", "remaining_s", "created_s", "finished_s", "client", "obstacle")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    PICTURES_PER_S_FIELD_NUMBER: _ClassVar[int]
    REMAINING_S_FIELD_NUMBER: _ClassVar[int]
    CREATED_S_FIELD_NUMBER: _ClassVar[int]
    FINISHED_S_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    OBSTACLE_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: str
    state: JobState
    pictures: int
    done: int
    failed: int
    running: int
    found: int
    pictures_per_s: float
    remaining_s: float
    created_s: float
    finished_s: float
    client: str
    obstacle: str
    def __init__(self, id: _Optional[str] = ..., title: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., pictures: _Optional[int] = ..., done: _Optional[int] = ..., failed: _Optional[int] = ..., running: _Optional[int] = ..., found: _Optional[int] = ..., pictures_per_s: _Optional[float] = ..., remaining_s: _Optional[float] = ..., created_s: _Optional[float] = ..., finished_s: _Optional[float] = ..., client: _Optional[str] = ..., obstacle: _Optional[str] = ...) -> None: ...

class JobPicture(_message.Message):
    __slots__ = ("id", "state", "target", "model", "tap", "unit", "label", "method", "prior", "seed", "activation", "percentile", "ending", "error", "finished_s", "height", "width", "kind", "rank")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TAP_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    PERCENTILE_FIELD_NUMBER: _ClassVar[int]
    ENDING_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FINISHED_S_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: JobPictureState
    target: str
    model: str
    tap: str
    unit: int
    label: str
    method: str
    prior: str
    seed: int
    activation: float
    percentile: float
    ending: _synthesis_pb2.Ending
    error: str
    finished_s: float
    height: int
    width: int
    kind: JobPictureKind
    rank: int
    def __init__(self, id: _Optional[str] = ..., state: _Optional[_Union[JobPictureState, str]] = ..., target: _Optional[str] = ..., model: _Optional[str] = ..., tap: _Optional[str] = ..., unit: _Optional[int] = ..., label: _Optional[str] = ..., method: _Optional[str] = ..., prior: _Optional[str] = ..., seed: _Optional[int] = ..., activation: _Optional[float] = ..., percentile: _Optional[float] = ..., ending: _Optional[_Union[_synthesis_pb2.Ending, str]] = ..., error: _Optional[str] = ..., finished_s: _Optional[float] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., kind: _Optional[_Union[JobPictureKind, str]] = ..., rank: _Optional[int] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetJobResponse(_message.Message):
    __slots__ = ("job", "request")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    job: Job
    request: SubmitJobRequest
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., request: _Optional[_Union[SubmitJobRequest, _Mapping]] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    next_page_token: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("id", "all_pictures")
    ID_FIELD_NUMBER: _ClassVar[int]
    ALL_PICTURES_FIELD_NUMBER: _ClassVar[int]
    id: str
    all_pictures: bool
    def __init__(self, id: _Optional[str] = ..., all_pictures: bool = ...) -> None: ...

class WatchJobResponse(_message.Message):
    __slots__ = ("job", "pictures")
    JOB_FIELD_NUMBER: _ClassVar[int]
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    job: Job
    pictures: _containers.RepeatedCompositeFieldContainer[JobPicture]
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., pictures: _Optional[_Iterable[_Union[JobPicture, _Mapping]]] = ...) -> None: ...

class PauseJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class PauseJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class ResumeJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ResumeJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class CancelJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class DeleteJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class DeleteJobResponse(_message.Message):
    __slots__ = ("pictures",)
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    pictures: int
    def __init__(self, pictures: _Optional[int] = ...) -> None: ...

class ListJobPicturesRequest(_message.Message):
    __slots__ = ("job", "model", "tap", "unit", "method", "seed", "state", "page_size", "page_token", "kind")
    JOB_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TAP_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    job: str
    model: str
    tap: str
    unit: int
    method: str
    seed: int
    state: JobPictureState
    page_size: int
    page_token: str
    kind: JobPictureKind
    def __init__(self, job: _Optional[str] = ..., model: _Optional[str] = ..., tap: _Optional[str] = ..., unit: _Optional[int] = ..., method: _Optional[str] = ..., seed: _Optional[int] = ..., state: _Optional[_Union[JobPictureState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., kind: _Optional[_Union[JobPictureKind, str]] = ...) -> None: ...

class ListJobPicturesResponse(_message.Message):
    __slots__ = ("pictures", "next_page_token", "total_size")
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    pictures: _containers.RepeatedCompositeFieldContainer[JobPicture]
    next_page_token: str
    total_size: int
    def __init__(self, pictures: _Optional[_Iterable[_Union[JobPicture, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class GetJobPictureRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetJobPictureResponse(_message.Message):
    __slots__ = ("picture", "result", "exemplar", "occlusion")
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    EXEMPLAR_FIELD_NUMBER: _ClassVar[int]
    OCCLUSION_FIELD_NUMBER: _ClassVar[int]
    picture: JobPicture
    result: _synthesis_pb2.Result
    exemplar: _analysis_pb2.Exemplar
    occlusion: _analysis_pb2.Occlusion
    def __init__(self, picture: _Optional[_Union[JobPicture, _Mapping]] = ..., result: _Optional[_Union[_synthesis_pb2.Result, _Mapping]] = ..., exemplar: _Optional[_Union[_analysis_pb2.Exemplar, _Mapping]] = ..., occlusion: _Optional[_Union[_analysis_pb2.Occlusion, _Mapping]] = ...) -> None: ...
