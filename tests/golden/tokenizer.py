"""Writes tokenizer.json beside this file: what Keras's classic Tokenizer and pad_sequences do. Needs keras of requirements.txt."""
import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
from keras.src.legacy.preprocessing.text import Tokenizer

TRAIN = ["The film is good, really good!", "the FILM is bad...  bad\tbad", "", "  it's (not) good; not bad\n", "étude été étude €5",
         "one-two under_score 3.14 a&b", "b a c", "tie zz tie aa zz aa", "line\nfeed\rreturn", "日本語 テキスト 日本語", "no\u00a0break"]
NEW = ["a good film", "unknown words here, really", "", "   ", "BAD bad BaD not!", "étude été x", "日本語 x", "it's its one-two onetwo",
       "zz aa tie " * 4, "\U0001f600 smile"]

cases = []
for num_words in (None, 2, 6):
    for oov in (None, "<OOV>"):
        for char_level in (False, True):
            for options in ({}, {"lower": False}, {"filters": "é.\n"}, {"split": "a"}):
                t = Tokenizer(num_words=num_words, oov_token=oov, char_level=char_level, **options)
                t.fit_on_texts(TRAIN[:4])
                t.fit_on_texts(TRAIN[4:])
                sequences = t.texts_to_sequences(NEW)
                cases.append({"num_words": num_words or 0, "oov_token": oov or "", "char_level": char_level, "lower": t.lower,
                              "filters": t.filters, "split": t.split, "words": [t.index_word[i + 1] for i in range(len(t.index_word))],
                              "counts": list(t.word_counts.values()), "sequences": sequences,
                              "texts": t.sequences_to_texts([s + [0, 3, 10000] for s in sequences])})

lists = [[], [1], [1, 2, 3], [4, 5, 6, 7, 8]]
pads = []
for maxlen in (None, 1, 3, 7):
    for padding in ("pre", "post"):
        for truncating in ("pre", "post"):
            out = keras.utils.pad_sequences(lists, maxlen, padding=padding, truncating=truncating, value=-1)
            pads.append({"maxlen": maxlen or 0, "padding": padding, "truncating": truncating, "output": out.tolist()})

document = {"source": f"keras {keras.__version__}", "train": TRAIN, "new": NEW, "cases": cases, "lists": lists, "pads": pads}
text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
text = text.replace('{"num_words"', '\n{"num_words"').replace('{"maxlen"', '\n{"maxlen"')
pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")
