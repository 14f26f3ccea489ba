"""Writes text_vectorization.json beside this file: what Keras's TextVectorization does. Needs tensorflow beside requirements.txt."""
import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow

TRAIN = ["The film is good, really good!", "the FILM is bad...  bad\tbad", "", "  it's (not) good; not bad\n", "Étude ÉTUDE étude €5",
         "one-two under_score 3.14 a&b", "[UNK] unk UNK", "b a c", "tie zz tie aa zz aa", "line\nfeed\rreturn\x0bvertical\x0cform",
         "日本語 テキスト 日本語", "no\u00a0break"]
NEW = ["a good film", "unknown words here, really", "", "   ", "BAD bad BaD not!", "étude ÉTUDE Étude", "[UNK] 日本語 x", "it's its one-two onetwo",
       "zz aa tie " * 4, "no\u00a0break no break", "\U0001f600 smile"]

cases = []
for standardize in (None, "lower", "strip_punctuation", "lower_and_strip_punctuation"):
    for split in ("whitespace", "character"):
        for max_tokens in (None, 3, 9):
            for length in (None, 3, 12):
                layer = keras.layers.TextVectorization(max_tokens, standardize, split, output_sequence_length=length)
                layer.adapt(TRAIN)
                cases.append({"standardize": standardize or "none", "split": split, "max_tokens": max_tokens or 0,
                              "output_sequence_length": length or 0, "vocabulary": layer.get_vocabulary(),
                              "output": layer(NEW).numpy().tolist()})

document = {"source": f"keras {keras.__version__}, tensorflow {tensorflow.__version__}", "train": TRAIN, "new": NEW, "cases": cases}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(document, ensure_ascii=True, separators=(",", ":")).replace('{"standardize"', '\n{"standardize"') + "\n")
