from __future__ import annotations

import doctest
import hashlib
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from tests.oracles import tokens
from vsebench.data import flickr8k, words
from vsebench.data.vocabulary import Vocabulary
from vsebench.data.words import has_word, tokenise

REAL = Path(os.environ.get("VSEBENCH_DATA") or Path(__file__).parents[3] / "shared" / "data")


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A dog.", ["a", "dog"]),
        ("  Two  T-shirts, 3 hats! ", ["two", "t-shirts", "3", "hats"]),
        ("the man 's hat", ["the", "man", "s", "hat"]),
        ("the man's hat", ["the", "man", "s", "hat"]),
        ("ÉCOLE naïve", ["école", "naïve"]),
        ("snake_case -- dash-", ["snake", "case", "dash"]),
        ("<start> <pad>", ["start", "pad"]),
        (" . !", []),
        ("", []),
    ],
)
def test_words_in_english(caption, words):
    assert tokenise(caption) == words
    assert has_word(caption) == bool(words)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("两只狗在草地上奔跑，两个人。", "两 只 狗 在 草 地 上 奔 跑 两 个 人"),
        ("2个人穿T恤", "2 个 人 穿 t 恤"),
        ("スノーボーダーが雪山を滑る", "スノーボーダー が 雪 山 を 滑 る"),
        ("らーめん、神々", "ら ー め ん 神 々"),
        ("ﾊﾞｽと３匹", "ﾊﾞｽ と ３ 匹"),
        ("สุนัขสองตัวดื่มน้ำ ๑๒", "สุ นั ข ส อ ง ตั ว ดื่ ม น้ำ ๑๒"),
        ("ដើរស្រី", "ដើ រ ស្រី"),
        ("ကမ္ဘာ", "က မ္ဘာ"),
        ("दो कुत्ते घास पर दौड़ रहे हैं।", "दो कुत्ते घास पर दौड़ रहे हैं"),
        ("क्\u200dष और\u200c", "क्\u200dष और"),
        ("می\u200cخواهم کتاب", "می\u200cخواهم کتاب"),
        ("שָׁלוֹם \u200f(abc)", "שָׁלוֹם abc"),
        ("کلب ١٢ كلب، ركض", "کلب ١٢ كلب ركض"),
        ("개 두 마리가 달린다", "개 두 마리가 달린다"),
        ("Hai con chó chạy trên cỏ", "hai con chó chạy trên cỏ"),
        ("Две собаки-овчарки", "две собаки-овчарки"),
        ("👨\u200d👩\u200d👧 two 1\ufe0f\u20e3 dogs 🐶🏽", "two 1 dogs"),
        ("snow\u00adboard T\u2011shirt l\u2019homme", "snowboard t-shirt l homme"),
        ("\ufeffa dog\u200bhouse", "a dog house"),
        ("葛\U000e0100城", "葛 城"),
        ("A-两-B", "a 两 b"),
        ("İstanbul", "i\u0307stanbul"),
    ],
)
def test_words_in_other_languages(caption, expected):
    for form in ("NFC", "NFD"):
        found = tokenise(unicodedata.normalize(form, caption))
        assert found == unicodedata.normalize("NFC", expected).split(" ")
    assert has_word(caption)


@pytest.mark.parametrize("caption", ["，。", "🐶🐕\u200d🦺", "\u0301\u200d", "―…\u00a0\u3000", "؟"])
def test_symbols_marks_and_spaces_are_no_words(caption):
    assert tokenise(caption) == []
    assert not has_word(caption)


ALPHABET = (
    *"aZéßÀ19-\u2010'_ . \n",
    *"个狗々〇㐀",
    *"らがんスーガｶﾞㄅꀀ",
    *"กนุัเ้ำ๑ລຳ",
    *"ស្រែកခ္ာ",
    *"कत्िँ9२",
    *"בָשמكِلی١",
    *"한개ㅋ",
    *"\u0301\u0308\u200c\u200d\u00ad\u200f\ufeff\ufe0f\u200b\u034f\U000e0100",
    *"👩🏽🐕\u20e3²½Ⅷ𝐀İΣσς",
)


def test_words_are_those_of_the_oracle():
    rng = np.random.default_rng(7)
    for _ in range(4_000):
        caption = "".join(rng.choice(ALPHABET, rng.integers(1, 14)))
        found = tokenise(caption)
        assert found == tokens.words(caption), ascii(caption)
        assert has_word(caption) == bool(found)
        again = unicodedata.normalize("NFD", caption)
        assert tokenise(again) == found, ascii(caption)
        assert tokenise(" ".join(found)) == found, ascii(caption)


def test_every_character_is_a_word_as_the_oracle_says():
    assigned = (chr(i) for i in range(0x20000) if unicodedata.category(chr(i))[0] in "LNMPSZ")
    wrong = [ascii(char) for char in assigned if tokenise(char) != tokens.words(char)]
    assert wrong == []


def test_one_pass_over_ascii_gives_what_the_patterns_of_unicode_give():
    rng = np.random.default_rng(3)
    for _ in range(2_000):
        caption = "".join(map(chr, rng.choice(128, rng.integers(1, 20))))
        assert (
            tokenise(caption)
            == [word for word in tokenise(f"{caption} é") if word != "é"]
            == tokens.words(caption)
        )


def test_the_examples_of_the_module_hold():
    assert doctest.testmod(words).failed == 0


@pytest.mark.data
def test_the_tokens_of_flickr8k_are_those_of_the_stored_results():
    root = REAL / "flickr8k"
    if not (root / flickr8k.TOKENS).is_file():
        pytest.skip(
            f"Flickr8k is not in {REAL}: set VSEBENCH_DATA to the folder that holds flickr8k/"
        )
    train = set((root / flickr8k.SPLITS["train"]).read_text().split())
    lines = [line.partition("\t") for line in (root / flickr8k.TOKENS).read_text().splitlines()]
    vocabulary = Vocabulary.build((c for key, _, c in lines if key.rpartition("#")[0] in train), 4)
    found = vocabulary.encode([caption for *_, caption in lines])
    assert len(vocabulary) == 2925
    assert hashlib.sha256(vocabulary.text.encode()).hexdigest()[:16] == "a561131a8c5c1e68"
    assert hashlib.sha256(found.tokens.astype("<i4")).hexdigest()[:16] == "ddc7b13730900a30"
