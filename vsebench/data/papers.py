"""The papers of the photographs with captions."""

from __future__ import annotations

from vsebench.plugin import Paper

FLICKR8K = Paper(
    "Framing Image Description as a Ranking Task: Data, Models and Evaluation Metrics",
    2013,
    "https://www.jair.org/index.php/jair/article/view/10833",
    "JAIR",
)
FLICKR8K_CITATION = (
    "M. Hodosh, P. Young, J. Hockenmaier. Framing Image Description as a Ranking Task. JAIR 47, "
    "2013."
)
FLICKR30K = Paper(
    "From Image Descriptions to Visual Denotations: New Similarity Metrics for Semantic Inference "
    "over Event Descriptions",
    2014,
    "https://aclanthology.org/Q14-1006/",
    "TACL",
)
COCO = Paper(
    "Microsoft COCO Captions: Data Collection and Evaluation Server",
    2015,
    "https://arxiv.org/abs/1504.00325",
)
