"""The public surface that a plugin imports.

A plugin is a module that implements hooks and is named by an entry point of the group `vsebench`:

    from vsebench.plugin import Card, Param, hookimpl

    @hookimpl
    def vsebench_register_poolings(register):
        card = Card("mean of the k largest values")
        register("kmax", "my_package.pooling:KMax", params=[Param("k", 5)], card=card)

The target `module:Class` is imported when the component is used. It is another module of the
package, so that listing components stays fast. A single file for `--plugin` cannot be imported by
name and writes f"{__name__}:KMax". Nothing here imports torch.

Begin at `protocols`, the roles that components play, and `cards`, what they say of themselves; what
they get and return is in `retrieval`, `offline`, `sampling`, `datasets`, `encoders`, `embeddings`
and `runtime`. `kinds` and `hookspecs` are how components are registered, `registry`, `params` and
`specs` how they are named. `host` is how vsebench loads plugins, which no author needs.
"""

from __future__ import annotations

import pluggy

from vsebench.plugin.cards import (
    AnnotationCard,
    Card,
    DatasetCard,
    Download,
    EncoderCard,
    ImageEncoderCard,
    LossCard,
    Paper,
    PoolingCard,
    TextEncoderCard,
)
from vsebench.plugin.datasets import (
    AnnotationData,
    AnnotationSplit,
    Dataset,
    FeatureArray,
    ImageSource,
    RetrievalData,
    RetrievalSplit,
)
from vsebench.plugin.elsewhere import (
    Away,
    Files,
    Parcel,
    SpawnedRun,
    Unpacked,
    send_away,
    spawn,
    unpacked,
    worked_on,
)
from vsebench.plugin.encoders import LocalFeatures, ParameterGroup, Tokeniser, TokenTable
from vsebench.plugin.errors import (
    DataError,
    MissingError,
    MissingExtraError,
    PluginError,
    SpecError,
    VsebenchError,
    WriteError,
    did_you_mean,
    require,
)
from vsebench.plugin.executors import UNBOUNDED, Schedule
from vsebench.plugin.jobs import Event, Job, Limits, Message, Report, Resources, execute
from vsebench.plugin.keys import Key, fork
from vsebench.plugin.offline import MiningInputs, OfflineBatch, OfflineLists, OfflineSpec
from vsebench.plugin.params import Param, Scalar
from vsebench.plugin.positives import Positives
from vsebench.plugin.protocols import (
    BatchPlan,
    Executor,
    FrozenEncoder,
    ImageEncoder,
    Loss,
    PatternLoss,
    Pooling,
    RawImageEncoder,
    Similarity,
    TextEncoder,
)
from vsebench.plugin.published import Published, Setting, recalls
from vsebench.plugin.registry import Register, RegisterEncoder
from vsebench.plugin.retrieval import (
    Embedding,
    GaussianEmbedding,
    LossInputs,
    LossOutput,
    PoolingOutput,
    Progress,
    SampledInputs,
    SetEmbedding,
)
from vsebench.plugin.runtime import (
    AnnotationTest,
    CurvePoint,
    Outcome,
    PatternsTest,
    RetrievalTest,
    RunInfo,
    StoppingRule,
    Tracker,
    TrainingStep,
)
from vsebench.plugin.sampling import (
    MARGIN,
    NOTHING,
    DrawKernel,
    DrawKey,
    Draws,
    RankingInputs,
    RankingLoss,
    Sampler,
    SamplerState,
    Tables,
)

hookimpl = pluggy.HookimplMarker("vsebench")

__all__ = (
    "MARGIN",
    "NOTHING",
    "UNBOUNDED",
    "AnnotationCard",
    "AnnotationData",
    "AnnotationSplit",
    "AnnotationTest",
    "Away",
    "BatchPlan",
    "Card",
    "CurvePoint",
    "DataError",
    "Dataset",
    "DatasetCard",
    "Download",
    "DrawKernel",
    "DrawKey",
    "Draws",
    "Embedding",
    "EncoderCard",
    "Event",
    "Executor",
    "FeatureArray",
    "Files",
    "FrozenEncoder",
    "GaussianEmbedding",
    "ImageEncoder",
    "ImageEncoderCard",
    "ImageSource",
    "Job",
    "Key",
    "Limits",
    "LocalFeatures",
    "Loss",
    "LossCard",
    "LossInputs",
    "LossOutput",
    "Message",
    "MiningInputs",
    "MissingError",
    "MissingExtraError",
    "OfflineBatch",
    "OfflineLists",
    "OfflineSpec",
    "Outcome",
    "Paper",
    "Param",
    "ParameterGroup",
    "Parcel",
    "PatternLoss",
    "PatternsTest",
    "PluginError",
    "Pooling",
    "PoolingCard",
    "PoolingOutput",
    "Positives",
    "Progress",
    "Published",
    "RankingInputs",
    "RankingLoss",
    "RawImageEncoder",
    "Register",
    "RegisterEncoder",
    "Report",
    "Resources",
    "RetrievalData",
    "RetrievalSplit",
    "RetrievalTest",
    "RunInfo",
    "SampledInputs",
    "Sampler",
    "SamplerState",
    "Scalar",
    "Schedule",
    "SetEmbedding",
    "Setting",
    "Similarity",
    "SpawnedRun",
    "SpecError",
    "StoppingRule",
    "Tables",
    "TextEncoder",
    "TextEncoderCard",
    "TokenTable",
    "Tokeniser",
    "Tracker",
    "TrainingStep",
    "Unpacked",
    "VsebenchError",
    "WriteError",
    "did_you_mean",
    "execute",
    "fork",
    "hookimpl",
    "recalls",
    "require",
    "send_away",
    "spawn",
    "unpacked",
    "worked_on",
)
