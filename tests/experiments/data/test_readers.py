"""Files of pairs and folders of names: what is read, and that what cannot be is named with its line."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from experiments.data import readers
from experiments.data.names import read_folder
from experiments.data.pairs import Pair
from experiments.data.readers import (
    read_columns,
    read_pairs,
    read_parallel,
    read_quoted,
    read_source_target,
    read_tatoeba,
)
from experiments.data.surnames import read_surnames
from experiments.data.text import Characters, read_text
from experiments.lab import UsageError


def put(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(pairs):
    return [(pair.source, pair.target) for pair in pairs]


# What is read

QUOTED = ',source_language,split,target_language\n0,"he said ""no"" , twice .",train,"il a dit « non » , deux fois ."\n'
QUOTED += "1,go .,val,va .\n2,run !,test,cours !\n"


def test_a_quoted_csv_with_splits(tmp_path):
    expected = [
        Pair('he said "no" , twice .', "il a dit « non » , deux fois .", "train"),
        Pair("go .", "va .", "val"),
        Pair("run !", "cours !", "test"),
    ]
    for read in (read_quoted, lambda path: read_pairs(path, 0)):
        assert read(put(tmp_path, "a.csv", QUOTED)) == expected
        assert read(put(tmp_path, "a.csv", "\ufeff" + QUOTED.replace("\n", "\r\n") + "\r\n")) == expected


def test_tatoebas_quotation_marks_are_text(tmp_path):
    lines = 'Go.\t가.\tCC-BY 2.0\n"Hi," he said.\t"안녕"이라고 했다.\tCC-BY 2.0\n\n5" wide\t너비 5"\tCC-BY 2.0\n'
    expected = [("가.", "Go."), ('"안녕"이라고 했다.', '"Hi," he said.'), ('너비 5"', '5" wide')]
    for content in (lines, "\ufeff" + lines.replace("\n", "\r\n")):
        path = put(tmp_path, "kor.txt", content)
        assert texts(read_tatoeba(path, 0)) == texts(read_pairs(path, 0)) == expected


def test_tables_of_two_columns(tmp_path):
    tsv, csv = put(tmp_path, "a.tsv", 'a "b\tc, d\ne\tf\n'), put(tmp_path, "a.csv", '"a, ""b""",c d\ne,f\n')
    assert texts(read_columns(tsv, 0)) == texts(read_pairs(tsv, 0)) == [('a "b', "c, d"), ("e", "f")]
    assert texts(read_columns(csv, 0)) == texts(read_pairs(csv, 0)) == [('a, "b"', "c d"), ("e", "f")]
    headed = put(tmp_path, "b.tsv", "\n\nen\tko\ngo\t가\n")
    assert texts(read_pairs(headed, 0)) == [("가", "go")]
    wide = put(tmp_path, "c.tsv", "note\tde\ten\nx\tgeh\tgo\n")
    assert texts(read_columns(wide, 0, ("de", "en"))) == [("geh", "go")]


def test_files_that_are_parallel(tmp_path):
    ko, en = put(tmp_path, "x.ko", "\ufeff가\r\n\r\n 나 \r\n"), put(tmp_path, "x.en", "go\n\nI")
    assert texts(read_parallel(ko, en, 0)) == texts(read_pairs(tmp_path / "x", 0)) == [("가", "go"), ("나", "I")]


def test_blanks_of_source_target_lines_count(tmp_path):
    lines = "16+75  _91  \n\n52+607 _659 \n"
    for content in (lines, "\ufeff" + lines.replace("\n", "\r\n"), lines.removesuffix("\n")):
        path = put(tmp_path, "a.txt", content)
        assert texts(read_source_target(path, 0)) == [("16+75  ", "91  "), ("52+607 ", "659 ")]
    assert texts(read_source_target(put(tmp_path, "b.txt", "a|b"), 0, "|")) == [("a", "b")]


def test_a_folder_of_names(tmp_path):
    put(tmp_path, "Korean.txt", "\ufeffKang\r\n\r\n Bae \r\n")
    put(tmp_path, "Irish.txt", "O'Neill\nÓ Súilleabháin")
    put(tmp_path, "notes.md", "not names")
    expected = [("O'Neill", "Irish"), ("Ó Súilleabháin", "Irish"), ("Kang", "Korean"), ("Bae", "Korean")]
    assert read_folder(tmp_path, 100) == expected


def test_plain_text_has_any_line_end_and_no_mark(tmp_path):
    path = put(tmp_path, "a.txt", "\ufeffab\r\nba\n")
    assert read_text(path) == "ab\nba\n"
    characters = Characters.read(path, 3)
    assert characters.alphabet == "\nab"
    assert characters.ids.tolist() == [1, 2, 0, 2, 1, 0]


lines = st.text(st.characters(exclude_characters="\r\n\t\x00", exclude_categories=["Cs"]), min_size=1).map(str.strip)


@given(st.lists(st.tuples(lines, lines).filter(all), min_size=1, max_size=8))
def test_what_is_written_between_tabs_is_read_back(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    path.write_bytes("".join(f"{source}\t{target}\n" for source, target in pairs).encode())
    if pairs[0][0].startswith("\ufeff"):
        return  # a byte order mark is none of the text
    assert texts(read_columns(path, 0)) == pairs


# What cannot be read

PAIR = "a\tb\n"
LONG = "x" * (readers.LONGEST + 1)
READERS = {
    "quoted": ("a.csv", lambda path: read_quoted(path)),
    "tatoeba": ("a.txt", lambda path: read_tatoeba(path, 0)),
    "tsv": ("a.tsv", lambda path: read_columns(path, 0)),
    "csv": ("a.csv", lambda path: read_columns(path, 0)),
    "parallel": ("a.ko", lambda path: read_parallel(path, path, 0)),
    "source_target": ("a.txt", lambda path: read_source_target(path, 0)),
    "pairs": ("a.tsv", lambda path: read_pairs(path, 0)),
    "text": ("a.txt", lambda path: Characters.read(path, 1)),
    "surnames": ("a.csv", lambda path: read_surnames(path, 0)),
}


@pytest.mark.parametrize("kind", READERS)
def test_no_file_a_folder_and_other_encodings(kind, tmp_path):
    name, read = READERS[kind]
    path = tmp_path / name
    said = [refusal(read, path)]
    if kind != "surnames":  # which reads folders
        path.mkdir()
        said.append(refusal(read, path))
        path.rmdir()
    for content in ("é\n".encode("latin-1"), "가\n".encode("cp949"), "가\n".encode("utf-16")):
        said.append(refusal(read, put(tmp_path, name, content)))
        assert "not UTF-8 at byte 0 (line 1)" in said[-1]
    assert "No such file" in said[0] and ("director" in said[1] or kind == "surnames")
    assert all(str(path) in line for line in said)


def refusal(read, path):
    """The one line in which it is refused."""
    with pytest.raises(UsageError) as error:
        read(path)
    assert "\n" not in str(error.value)
    return str(error.value)


BAD = [
    ("quoted", "", "is empty; its first line should be the header source_language,split,target_language"),
    ("quoted", QUOTED.split("\n")[0] + "\n", "has a header and no rows"),
    ("quoted", QUOTED + "3,a,train\n", "line 5: 3 values, where the header has 4"),
    ("quoted", QUOTED + "3,a,b,train,c\n", "line 5: 5 values"),
    ("quoted", QUOTED + "3,a,tran,c\n", "line 5: the split is 'tran'; it should be train, val or test"),
    ("quoted", QUOTED + "3,,train,c\n", "line 5: the source_language is empty"),
    ("quoted", QUOTED + '3,a,train,"c\n', "line 5: unexpected end of data"),
    ("quoted", QUOTED + '3,a,train,"c" d\n', "line 5: "),
    ("quoted", QUOTED + f"3,{LONG},train,c\n", "line 5: a text of 4001 characters; 4000 are the most"),
    ("quoted", QUOTED + f"3,{'x' * 200_000},train,c\n", "line 5: field larger than field limit"),
    ("quoted", QUOTED.replace("split", "part"), "line 1: no column 'split'"),
    ("quoted", QUOTED.replace("split", "source_language"), "line 1: no column 'split'"),
    ("quoted", "split," + QUOTED, "line 1: a column is there twice"),
    ("tatoeba", "", "is empty; it should have rows"),
    ("tatoeba", "Go.\t가.\tCC\nHi.\t안녕.\n", "line 2: 2 values, where there should be 3: English,Korean,attribution"),
    ("tatoeba", "Go.\t가.\tCC\nHi.\t안녕.\tCC\tx\n", "line 2: 4 values"),
    ("tatoeba", "Go.\t가.\tCC\n\nHi.\t \tCC\n", "line 3: the Korean is empty"),
    ("tatoeba", f"Go.\t가.\tCC\n{LONG}\t가.\tCC\n", "line 2: a text of 4001 characters"),
    ("tsv", " \n", "is empty; it should have rows"),
    ("tsv", PAIR + "c\n", "line 2: 1 values, where there should be 2: source,target"),
    ("tsv", PAIR + "c\td\te\n", "line 2: 3 values"),
    ("tsv", PAIR + "\td\n", "line 2: the source is empty"),
    ("csv", "a,b\nc\n", "line 2: 1 values"),
    ("csv", 'a,b\n"c,d\n', "line 2: unexpected end of data"),
    ("parallel", "", "has no lines"),
    ("parallel", " \n\n", "has no lines"),
    ("parallel", f"a\n{LONG}\n", "line 2: a text of 4001 characters"),
    ("source_target", "", "is empty; its lines should be source_target"),
    ("source_target", "1+1_2\n1+2 3\n", "line 2: 0 times '_'; once is wanted"),
    ("source_target", "1+1_2\n1+2_3_\n", "line 2: 2 times '_'"),
    ("source_target", "1+1_2\n   _3\n", "line 2: the source is empty"),
    ("source_target", "1+1_2\n1+2_ \n", "line 2: the target is empty"),
    ("source_target", "1+1_2\n\n10+2_3\n", "line 3: the source '10+2' has 4 characters, blanks counted, and the first one 3"),
    ("source_target", "1+1_2 \n1+2_3\n", "line 2: the target '3' has 1 characters"),
    ("source_target", f"1+1_2\n{LONG}_3\n", "line 2: a text of 4003 characters"),
    ("pairs", "", "is empty; each of its lines should be a pair"),
    ("pairs", "\n \n", "is empty"),
    ("pairs", "\nabc\n", "line 2: 0 tabs; one is wanted between source and target, or two as Tatoeba has"),
    ("pairs", "a\tb\tc\td\n", "line 1: 3 tabs"),
    ("pairs", PAIR + "c\td\te\n", "line 2: 3 values, where there should be 2"),
    ("text", "", "0 characters, at least 1 are needed"),
    ("text", "aaaa", "one character over and over"),
]


@pytest.mark.parametrize(("kind", "content", "message"), BAD)
def test_what_cannot_be_read_is_named_with_its_line(kind, content, message, tmp_path):
    name, read = READERS[kind]
    said = refusal(read, put(tmp_path, name, content))
    assert str(tmp_path / name) in said
    assert message in said


def test_bytes_are_named_with_their_line_wherever_they_are(tmp_path):
    path = put(tmp_path, "a.tsv", b"a\tb\nc\td\nM\xfcller\tx\n")
    for read in (lambda path: read_columns(path, 0), lambda path: read_pairs(path, 0)):
        assert refusal(read, path).endswith("not UTF-8 at byte 9 (line 3); convert it, e.g. with iconv -t UTF-8")


def test_files_that_are_not_parallel(tmp_path):
    ko, en = put(tmp_path, "x.ko", "a\nb\nc\n"), put(tmp_path, "x.en", "a\nb\n")

    def read(path):
        return read_parallel(path, en, 0)

    assert f"{ko}: 3 lines, and {en} has 2; they should be parallel" in refusal(read, ko)
    put(tmp_path, "x.en", "a\n\nc\n")
    assert f"{en}, line 2: is empty, and the other file's is not" in refusal(read, ko)
    en.unlink()
    assert "x.en: No such file" in refusal(read, ko)
    assert "x: No such file" in refusal(lambda path: read_pairs(path, 0), tmp_path / "x")  # one of the two is not enough


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no files NATIONALITY.txt"),
        ({"names.csv": "a"}, "has no files NATIONALITY.txt"),
        ({"Irish.txt": "\n \n"}, "Irish.txt: has no names"),
        ({"Irish.txt": "Daly\n" + "x" * 101}, "Irish.txt, line 2: a name of 101 characters; 100 are the most"),
        ({"Irish.txt": b"Daly\n\xd3\n"}, "Irish.txt: not UTF-8 at byte 5 (line 2)"),
    ],
)
def test_folders_of_names_that_are_no_good(files, message, tmp_path):
    for name, content in files.items():
        put(tmp_path, name, content)
    assert message in refusal(lambda path: read_folder(path, 100), tmp_path)


def test_a_folder_in_the_place_of_a_file_of_names(tmp_path):
    (tmp_path / "Irish.txt").mkdir()
    assert "Irish.txt: Is a directory" in refusal(lambda path: read_folder(Path(path), 100), tmp_path)
