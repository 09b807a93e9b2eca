"""Which files each data set needs, where they come from and where to put them, as `vsebench data
info` prints it.
"""

from __future__ import annotations

SCENES = (
    "Nothing to get: it is generated in the cache folder (of your system, or VSEBENCH_CACHE) when "
    "first used."
)

_FILES = """\
Each split is two files:
  {split}_ims.npy   float [rows, regions, width]: an image's rows once, or five times in succession
  {split}_caps.txt  UTF-8, one caption a line, five consecutive lines for each image
{split}_ids.txt, image files and vocabulary files are not needed. Any width and number of regions
will do (published: 36 regions of 2048).
Validation uses the first 1,000 images and 5,000 captions of dev, as the published code does."""

_SOURCE = """\
Get the precomputed bottom-up-attention features that the README of
https://github.com/kuanghuei/SCAN describes (its first address no longer answers;
https://github.com/woodfrog/vse_infty links a copy, see "Data organization" there)."""

_OTHER = """\
Or let the suite make these files from Karpathy's JSON and features in .npy, .npz, HDF5 or .tsv
files, or images:
  vsebench data prepare {} --from DIR --to ROOT"""

FLICKR30K = f"""\
{_SOURCE}
Put train_ims.npy, train_caps.txt, dev_ims.npy, dev_caps.txt, test_ims.npy and
test_caps.txt into one of
  ROOT/f30k_precomp/    ROOT/f30k/precomp/    ROOT/flickr30k/    ROOT/
and name ROOT with --data-root ROOT or VSEBENCH_DATA=ROOT; ./data is looked in too.
{_FILES}
{_OTHER.format("flickr30k")}
The images' terms of use: https://shannon.cs.illinois.edu/DenotationGraph/"""

COCO = f"""\
{_SOURCE}
Put train_ims.npy, train_caps.txt, dev_ims.npy, dev_caps.txt, testall_ims.npy and
testall_caps.txt into one of
  ROOT/coco_precomp/    ROOT/coco/precomp/    ROOT/coco/    ROOT/
and name ROOT with --data-root ROOT or VSEBENCH_DATA=ROOT; ./data is looked in too.
testall is the 5,000 test images; coco:test=test uses test_ims.npy and test_caps.txt, the subset of
1,000, instead.
{_FILES}
{_OTHER.format("coco")}"""

PRECOMP = f"""\
Put train_ims.npy, train_caps.txt, dev_ims.npy, dev_caps.txt, test_ims.npy and
test_caps.txt into one folder and name it with --data-root FOLDER (ROOT/precomp/ is looked in too,
for each ROOT of --data-root, VSEBENCH_DATA and ./data).
{_FILES}
Any equal number of captions an image will do, and any number with a third file:
  {{split}}_text_to_image.npy   integers, the image of each caption, from 0; the split is used whole
A file dataset.toml in the folder with the lines
  name = "mine"
  layout = "precomp"
lets --dataset mine find it. Or let the suite make all of this from captions in Karpathy's form and
features in .npy, .npz, HDF5 or .tsv files, or images:
  vsebench data prepare --as mine --from DIR --to ROOT/mine"""

FLICKR8K = """\
'vsebench data get flickr8k --with images' does step 1, and brings the photographs. By hand:
1. Get Flickr8k_text.zip (https://github.com/jbrownlee/Datasets/releases/tag/Flickr8k) and take
   from it
     Flickr8k.token.txt           Flickr_8k.trainImages.txt
     Flickr_8k.devImages.txt      Flickr_8k.testImages.txt
2. Make the table of grid features of the 8,000 images, Flickr8k_Dataset.zip at the same place:
     vsebench data extract --images IMAGES --model google/mobilenet_v2_1.0_224 \
       --size 224 --out grid7x7
     vsebench data reduce grid7x7 --square-root --fit Flickr_8k.trainImages.txt --to ROOT/flickr8k
   which writes
     grid7x7_images.txt         the image file name of every row of the table
     grid7x7_pca256_int8.npy    int8 [8000, 49, 256]: MobileNetV2 (1.0, 224) features of a 7 x 7
                                grid, square-rooted, projected on the first 256 principal
                                directions of the training images, divided by the scale and
                                rounded
     grid7x7_pca256_scale.npy   float32 [256], the scale of each component
3. Put all seven files into one of
     ROOT/flickr8k/    ROOT/Flickr8k/    ROOT/
   and name ROOT with --data-root ROOT or VSEBENCH_DATA=ROOT; ./data is looked in too."""
