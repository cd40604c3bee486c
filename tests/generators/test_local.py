"""A tiny language model in a folder made here, asked by the sampling process as any other."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.core.db import transaction
from app.core.errors import Invalid
from app.generators import generators
from app.generators.config import parse
from app.generators.generators import GeneratorInput
from app.generators.prompts import SampleRequest
from app.generators.sampler import SamplerRejected, SamplingStopped
from app.problems.models import Solution
from app.settings import settings
from tests.factories import base as factories
from tests.generators.conftest import done, sums

WORDS = ["What is", "Problem:", "Solution:", "We add", "so", "=", "+", *map(str, range(10)), "\n", " "]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<end>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(WORDS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")
    fast.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}Solution:\n"
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("model") / "tiny"
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture
def opened(folder):
    from app.generators.transformers_sampler import TransformersSampler

    def make(stopping: threading.Event | None = None, **config):
        return TransformersSampler(
            folder, parse({"endpoint": "completions", **config}), stopping or threading.Event()
        )

    return make


def test_it_samples_as_many_as_asked_and_counts_tokens(opened):
    answer = opened(max_tokens=12, temperature=1.0).request(SampleRequest("What is 1 + 2?", count=3))
    assert len(answer.texts) == 3
    assert answer.cost.prompt_tokens > 5
    assert 0 < answer.cost.completion_tokens <= 36
    assert answer.cost.requests == 1


def test_at_temperature_zero_it_says_the_same_and_goes_on_from_a_beginning(opened):
    likeliest = opened(max_tokens=10, temperature=0)
    first, again = (
        likeliest.request(SampleRequest("What is 1 + 2?")),
        likeliest.request(SampleRequest("What is 1 + 2?")),
    )
    assert first.texts == again.texts
    longer = likeliest.request(SampleRequest("What is 1 + 2?", ("We add 1 and 2",)))
    assert longer.cost.prompt_tokens > first.cost.prompt_tokens
    chat = opened(max_tokens=10, temperature=0, endpoint="chat").request(SampleRequest("What is 1 + 2?"))
    assert len(chat.texts) == 1


def test_a_step_ends_where_a_step_ends(opened):
    """Any text holds a letter sooner or later: made the end of a step, none is in the sample."""
    model = opened(step_tokens=30, temperature=1.5, steps="stop", step_delimiter="a")
    texts = model.request(SampleRequest("What is 1 + 2?", count=8, one_step=True)).texts
    assert not [text for text, _ in texts if "a" in text]


def test_padding_is_not_counted_as_generated(opened):
    """Samples of a batch end at different lengths; what fills up the shorter ones was not generated."""
    model = opened(step_tokens=30, temperature=1.5, steps="stop", step_delimiter="a")
    model.tokenizer.pad_token = "!"
    rows = []
    generate = model.model.generate

    def record(**arguments):
        output = generate(**arguments)
        rows.extend(output[:, arguments["input_ids"].shape[1] :].tolist())
        return output

    model.model.generate = record
    cost = model.request(SampleRequest("What is 1 + 2?", count=8, one_step=True, seed=3)).cost
    decode, end = model.tokenizer.decode, model.tokenizer.eos_token_id
    expected = 0
    for row in rows:
        stop = next((n for n in range(1, len(row) + 1) if "a" in decode(row[:n])), len(row))
        expected += row[:stop].index(end) if end in row[:stop] else stop
    assert len({len(decode(row)) for row in rows}) > 1
    assert cost.completion_tokens == expected < 8 * len(rows[0])


def test_too_long_a_problem_and_a_stop_are_told(opened):
    from app.generators.sampler import SamplerError

    with pytest.raises(SamplerError, match="context of the model has 256"):
        opened().request(SampleRequest("What " * 400))
    ended = threading.Event()
    ended.set()
    with pytest.raises(SamplingStopped):
        opened(ended).request(SampleRequest("What is 1 + 2?"))


def test_the_whole_run_in_the_sampling_process(database, home, folder):
    settings().models_dir.mkdir(parents=True)
    (settings().models_dir / "tiny").symlink_to(folder)
    with transaction() as db:
        project = factories.project(db)
        sums(db, project, 2)
        config = {"endpoint": "completions", "max_tokens": 8, "temperature": 1.0, "samples_per_request": 4}
        with pytest.raises(Invalid, match="where this server keeps models"):
            generators.create_generator(
                db, project, GeneratorInput("x", "transformers", str(folder)), parse(config), None
            )
    with transaction() as db:  # where models are kept
        (settings().models_dir / "tiny").unlink()
        folder.rename(settings().models_dir / "tiny")
        place = str(settings().models_dir / "tiny")
        number = generators.create_generator(
            db, project, GeneratorInput("tiny", "transformers", place), parse(config), None
        ).id
    run = done(number, per_problem=5)
    assert (run.state, run.counters["stored"]) == ("succeeded", 10), run.error
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Solution).where(Solution.generator == "tiny")) == 10
        weights = settings().models_dir / "tiny" / "model.safetensors"
        weights.rename(weights.with_name("pytorch_model.bin"))
        with pytest.raises(Invalid, match="may carry code"):
            generators.create_generator(
                db, project, GeneratorInput("bad", "transformers", place), parse(config), None
            )
    bad = done(number, per_problem=6)
    assert bad.state == "failed"
    assert "may carry code" in bad.error


def test_a_folder_that_is_none_is_refused(tmp_path):
    from app.generators.transformers_sampler import TransformersSampler

    (tmp_path / "config.json").write_text('{"auto_map": {"AutoModel": "x.Y"}}')
    with pytest.raises(SamplerRejected, match="no safetensors weights"):
        TransformersSampler(tmp_path, parse({}), threading.Event())
