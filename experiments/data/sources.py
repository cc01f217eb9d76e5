"""The real data sets: where each file lies, pinned to a commit, and the SHA-256 that it must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RAW = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Source:
    """A data set: `folder` of a GitHub repository at a commit, its `files` with their SHA-256, and the `run` that reads it.

    In `run`, the end of a command line, {} stands for the folder that the files are in.
    """

    about: str
    licence: str
    repository: str
    commit: str
    folder: str
    files: Mapping[str, str]
    run: str = ""

    def address(self, file: str) -> str:
        """Where a file is fetched from."""
        return "/".join(part for part in (RAW, self.repository, self.commit, self.folder, file) if part)


SOURCES = {
    "surnames": Source(
        "10,980 surnames of 18 nationalities, in splits (CSV)",
        "none stated; nearly all rows are in `names`, MIT",
        "lucasou15/Surname_Classification", "0cac23fe1528eec3f2f3558123aca58f386c8d2d", "",
        {"surnames_with_splits.csv": "7596d10a73c650fdd34a6432bc972cf47ce353db3d9e22fe60c7e4affd5b6d20"},
        "surnames --data {}/surnames_with_splits.csv",
    ),
    "names": Source(
        "20,050 names, a file for each of 18 nationalities",
        "MIT",
        "spro/practical-pytorch", "c520c52e68e945d88fff563dba1c028b6ec0197b", "data/names",
        {
            "Arabic.txt": "6f424a8dbe51cbbbabab7a57d38b617210125e4e3991f3c657cb79b8f104bafc",
            "Chinese.txt": "09ba8f1f7e38dbc99372d461b26ad4433b811fc6bfa6a3ecca6fe11a9a777465",
            "Czech.txt": "e17ab0ec47616a72c39cb85c783f70c3663ab64488721e5d8378f146d2226be7",
            "Dutch.txt": "924f32b635170eae561f84538632138fc07d4c8bbd70ba3fb980de1ecc4d2af3",
            "English.txt": "9cca037066d3d5989e24bc01801416162de506b5e28e15b7c092a47905d29bf2",
            "French.txt": "81e65b36c60ed5b89a17422f6edcadbb89546f38ad69e960e64e7ba682012a95",
            "German.txt": "7449cd590b97a733e18d613a4155decd77ec35dc5f8aadd7a82204dce4f051db",
            "Greek.txt": "3555b5186de7f401e6d991b088e9e644ca3099116477818c25ab5793801389e6",
            "Irish.txt": "cf8c7013256252a88d2503127b87282a11f21b2ff6db1bded68834c19a1ec058",
            "Italian.txt": "f88414c27d0606a11a678b4859277828c2565d6cc4d9ee932deef6e94f3b35e4",
            "Japanese.txt": "e0e717e114fec3e7eade4d9dabe0067c475f43147e36a22b47902ee76ad9e67f",
            "Korean.txt": "cd54221ccb362a6cba4c78828838cf3268a0e59744767a37cf6ec4b74036b136",
            "Polish.txt": "45bab898af2f60ed3a728bbf6980e28821011a7caa53227553b5785903a40826",
            "Portuguese.txt": "50a8735f41f4f73757c8ce5b16cb0275cd86b2b214bcbc8c9805f508cb131c53",
            "Russian.txt": "0cfe53ac18041e8f63666aa77313e0a3ff378facb132abee052d8ebdc8c3d62c",
            "Scottish.txt": "78d0252711d87d948ea86fe34826c51d2d794a8e52d15b5d6f7b6244d45d62dd",
            "Spanish.txt": "1bcb462ed3316756a85781d68232bddae04498fdddd5d9219c53fd1fbdeba7a7",
            "Vietnamese.txt": "f3f9e4164ab47601178a6e45b216464a64122f49d05541f24bf18a757253281d",
        },
        "names --data {}",
    ),
    "english-french": Source(
        "13,062 English-French pairs, tokenised, in splits (quoted CSV)",
        "Tatoeba, CC-BY 2.0 FR",
        "kindrebo13/ltmwe", "65fa2a94f64773e550c5c16769ac2949087dcac6", "data/nmt",
        {"simple_eng_fra.csv": "f5f16c40e24df32d668454edcfe09b0a23e7962f199ad75f330e6adf35179ae3"},
        "translate --data {}/simple_eng_fra.csv",
    ),
    "korean-english": Source(
        "3,853 English-Korean pairs of Tatoeba (TSV with an attribution in each line)",
        "CC-BY 2.0 FR",
        "jh868/pytorch_study", "27eb70612e526ac7866dc0e9581299a7b6b4a57e", "kor-eng",
        {"kor.txt": "35e30cc324d286dedfdbd16ba085c24de828bfe7fedd7b77aec53d7d3f890e45"},
        "translate --data {}/kor.txt --set task=korean-english",
    ),
    "korean-english-jhe": Source(
        "720 + 720 Korean-English sentences, parallel line by line",
        "CC BY-SA 3.0",
        "jungyeul/korean-parallel-corpora", "a1fb53dc5216f3a2d07d973456d8921ed23c88c6", "korean-english-jhe",
        {
            "jhe-koen-dev.en": "ccf0c0ca7601b5cae37891ecf89c72c951ac162a20738ac894e3faf804c4c4af",
            "jhe-koen-dev.ko": "2b02238c122aac40860aebfb191cfcdb46553e6b55b447f8188e04cabe00b828",
            "jhe-koen-eval.en": "dc4c0975092f3cfd5c60e3cea24e6b2a400e4373208cd9f3ed6b0cc44c01cc3b",
            "jhe-koen-eval.ko": "531b18d6640aaf63b86753c631c8ee6d7d23c10b9f9c56cb99c9da086417cb86",
        },
        "translate --data {}/jhe-koen-dev --set task=korean-english",
    ),
    "addition": Source(
        "50,000 additions, source_target lines",
        "MIT",
        "oreilly-japan/deep-learning-from-scratch-2", "842ae31c2bb070f5116275606ed90396626a2c17", "dataset",
        {"addition.txt": "34e0746f5014c11311c9452ee9050bf14e38eca44ec4aaf4d81eba2b38674009"},
        "addition --data {}/addition.txt",
    ),
    "dates": Source(
        "50,000 dates and their ISO 8601 form, source_target lines",
        "MIT",
        "oreilly-japan/deep-learning-from-scratch-2", "842ae31c2bb070f5116275606ed90396626a2c17", "dataset",
        {"date.txt": "62e66a301ce8537868e725512d2a45663fc366526b7e42028cb703bda2b1c79a"},
        "dates --data {}/date.txt",
    ),
    "shakespeare": Source(
        "1.1 MB of Shakespeare's plays, 65 different characters (text)",
        "public domain",
        "karpathy/char-rnn", "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e", "data/tinyshakespeare",
        {"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
        "text --text {}/input.txt",
    ),
}  # fmt: skip
