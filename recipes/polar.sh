#!/usr/bin/env bash
# POLAR learns to tell policies apart, then which completions are right, and its scores are the reward of a policy.
# Policies of 0.4M parameters add numbers, written in one of six styles that differ in signs, early and late in training.
# Measured on held-out policies and problems, lengths within 2 characters, seeds 0 to 3: the same policy or another is told
# right .87, .78, .76 and .77 of the time, by length .54, .52, .54 and .53, by plain likeness to the reference .93 to .95.
# Pairs with the one style not pre-trained on: .91, .76, .74, .76; a policy and its own earlier stage: .50 to .52, chance. A
# first try with four styles in pre-training and two held out told only .59. The best of 8 beside the answer is right .58,
# .58, .53 and .61 of the time, random .59, .54, .60 and .56, majority .77, .68, .77 and .68: so small a model has not learnt
# what is right. Training on these scores alone changes pass@1 by -.02 [-.07, .04], +.01 [-.03, .05], -.19 [-.25, -.13] and
# -.04 [-.09, .00].
#   recipes/polar.sh [--smoke] [--seed N] [FOLDER]   (default runs/polar; --smoke: tiny)
# Run it again: finished steps print what they made, an interrupted one goes on.
set -euo pipefail
# shellcheck source=recipes/arguments.sh
. "$(dirname "${BASH_SOURCE[0]}")/arguments.sh"
# shellcheck source=recipes/set_up.sh
. "$(dirname "${BASH_SOURCE[0]}")/set_up.sh"
runs=${folder:-$ROOT/runs/polar${smoke:+-smoke}}/seed-$seed
mkdir -p "$runs"

shown=600 train=240 test=120 cold_steps=100 steps=120 tuning=80 per_step=32 updates=15 groups=32
if [ -n "$smoke" ]; then shown=40 train=8 test=6 cold_steps=30 steps=2 tuning=2 per_step=4 updates=2 groups=4; fi
early=$((cold_steps / 2))

step() { printf '\n== %s\n' "$*" >&2; }
add() { whet problems addition --length 1..2 --templates 1 --seed "$seed" -q "$@"; }
draw() { # PROBLEMS POLICY COUNT NAME -> rollouts
    whet sample "$1" "$2" --rollouts-per-problem "$3" --max-tokens 64 --seed "$seed" --out "$runs/rollouts/$4" -q
}

step "Policies that write the same sums in different signs, each of its own random weights, early and late in training."
shown_problems=$(add --split train --count $shown --out "$runs/shown")
problems=$(add --split train --count $train --seed $((seed + 1000)) --out "$runs/problems")
held_out=$(add --split test --count $test --out "$runs/held-out")
start=$(whet init --size nano --context 256 --seed "$seed" --out "$runs/start" -q)
shown=$(whet sample "$shown_problems" program:tail-compact --tokenizer "$start" --out "$runs/demonstrations" -q)
# One bit a sign; every two of these styles differ in two bits or more, and no completion changes its length.
seen_styles=(0000 0110 1010 1111 1001) again=(0110 1111) new_style=0101
[ -z "$smoke" ] || seen_styles=(0000 1111) again=(0000 1111)
python - "$shown" "$runs" "${seen_styles[@]}" $new_style <<'PYTHON'
import json, pathlib, sys
from whet.artifacts import Artifact

rollouts, runs, styles = Artifact.open(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
problems = rollouts.problems()
signs = [("{}", "<>"), (":", "="), (";", "|"), (",", ".")]
for style in styles:
    changes = [pair for bit, pair in zip(style, signs) if bit == "1"]
    table = str.maketrans("".join(old for old, _ in changes), "".join(new for _, new in changes))
    lines = []
    for row in rollouts.rows(["problem_id", "text"]):
        problem = problems[row["problem_id"]]
        body, box, answer = row["text"].partition("\\boxed")
        lines.append(json.dumps({
            "question": problem["messages"][0]["content"], "answer": problem["answer"], "answer_type": "number",
            "text": body.translate(table) + box + answer,
        }))
    (runs / f"style-{style}.jsonl").write_text("\n".join(lines) + "\n")
PYTHON

train_style() { # STYLE SEED NAME -> the late policy's path; the early one is beside it
    local fresh demonstrations
    fresh=$(whet init --size nano --context 256 --seed "$2" --out "$runs/fresh/$3" -q)
    demonstrations=$(whet import "$runs/style-$1.jsonl" --kind rollouts --tokenizer "$fresh" --out "$runs/styles/$1" -q)
    whet train-policy "$fresh" --rollouts "$demonstrations" --objective supervised --steps $cold_steps --rows-per-step 64 \
        --save-every $early --learning-rate 2e-3 --warmup-steps 20 --beta2 0.95 --weight-decay 0 --seed "$2" \
        --out "$runs/policies/$3" -q
}
stage() { printf '%s-step-%04d/v1' "${1%/v*}" "$early"; } # the early policy beside a late one

seen=() own=$((100 * seed))
for style in "${seen_styles[@]}"; do
    own=$((own + 1))
    policy=$(train_style "$style" $own "$style")
    [ "$style" != 1111 ] || main=$policy
    seen+=("$(draw "$problems" "$policy" 4 "$style-late")" "$(draw "$problems" "$(stage "$policy")" 4 "$style-early")")
done
# Held out: a style that no other policy has, late and early, and two policies of other random weights in styles seen.
policy=$(train_style $new_style $((own + 1)) $new_style)
unseen=("$(draw "$held_out" "$policy" 3 "$new_style-late")" "$(draw "$held_out" "$(stage "$policy")" 3 "$new_style-early")")
for style in "${again[@]}"; do
    policy=$(train_style "$style" $((own + 2)) "$style-again")
    unseen+=("$(draw "$held_out" "$policy" 3 "$style-again")")
done

step "Pre-training: reference and chosen of one policy, the rejected one of another."
given=()
for rollouts in "${seen[@]}"; do given+=(--rollouts "$rollouts"); done
polar=$(whet train-rm "$main" "${given[@]}" --method polar --pairs-per-policy 2 \
    --separator-token '<|user|>' --reward-token '<|system|>' --steps $steps --rows-per-step $per_step --learning-rate 1e-3 \
    --warmup-steps 20 --schedule cosine --beta2 0.95 --weight-decay 0 --seed "$seed" --out "$runs/pre-trained" -q)

step "Does it tell held-out policies apart? Each stands as reference beside all of them, on held-out problems."
together=$(whet select "${unseen[@]}" --out "$runs/unseen" -q)
told=()
for index in "${!unseen[@]}"; do
    told+=("${unseen[$index]}" "$(whet score "$together" "$polar" --reference-rollouts "${unseen[$index]}" \
        --out "$runs/told/$index" -q)")
done
python - "$runs/told.json" "${told[@]}" <<'PYTHON'
import json, pathlib, sys
from difflib import SequenceMatcher
from whet.artifacts import Artifact
from whet.stages.metrics.intervals import intervals
import numpy as np

out, paths = pathlib.Path(sys.argv[1]), sys.argv[2:]
rollouts = [Artifact.open(path) for path in paths[::2]]
scores = [{row["rollout_id"]: row["score"] for row in Artifact.open(path).rows(["rollout_id", "score"])} for path in paths[1::2]]
texts = [{}, {}, {}, {}]
for own, artifact in zip(texts, rollouts, strict=True):
    for row in sorted(artifact.rows(["problem_id", "draw", "rollout_id", "text"]), key=lambda row: row["draw"]):
        own.setdefault(row["problem_id"], []).append((row["rollout_id"], row["text"]))

def alike(one, other):
    return SequenceMatcher(None, one, other, autojunk=False).ratio()

def right(same, other):
    return float(same > other) + 0.5 * float(same == other)

# Policies 0 and 1 write the style that was not pre-trained on, late and early; 2 and 3 one that was each.
KINDS = ("styles seen", "the style not seen", "another stage of the style not seen")
found = {}
for problem in sorted(texts[0]):
    for one in range(4):
        reference = texts[one][problem][0][1]
        for other in range(4):
            if other == one:
                continue
            kind = KINDS[0] if min(one, other) > 1 else KINDS[2] if max(one, other) < 2 else KINDS[1]
            for (same_id, same), (other_id, foreign) in zip(texts[one][problem][1:], texts[other][problem][1:]):
                if same == foreign or abs(len(same) - len(foreign)) > 2:
                    continue
                judged = (
                    right(scores[one][same_id], scores[one][other_id]),
                    right(-abs(len(same) - len(reference)), -abs(len(foreign) - len(reference))),
                    right(alike(reference, same), alike(reference, foreign)),
                )
                for name in (kind, "all"):
                    found.setdefault(name, {}).setdefault(problem, []).append(judged)

arms, pages = ("POLAR", "by length", "by likeness to the reference"), {}
print("\nthe same policy or another? held-out policies and problems, lengths within 2 characters: accuracy [95% interval]")
for name in ("all", *KINDS):
    if name not in found:
        continue
    pairs = [np.array(group) for group in found[name].values()]
    values = np.stack([group.mean(0) for group in pairs])
    values = np.hstack([values, values[:, :1] - values[:, 1:]])
    shown = intervals(values, [(0, 1)] * 3 + [(-1, 1)] * 2, differences=True)
    print(f"  {name}: {sum(map(len, pairs))} pairs of {len(pairs)} problems")
    labels = [*arms, *(f"POLAR minus {arm}" for arm in arms[1:])]
    for label, item in zip(labels, shown, strict=True):
        print(f"    {label:42} {item.value:6.3f} [{item.low:.3f}, {item.high:.3f}]")
    pages[name] = {label: [item.value, item.low, item.high] for label, item in zip(labels, shown, strict=True)}
out.write_text(json.dumps(pages, indent=1) + "\n")
PYTHON

step "Fine-tuning: a right completion of the main policy against a wrong one, beside the problem's answer or a right one."
mapfile -t tuned_on < <(r=$(draw "$problems" "$main" 8 tuning); echo "$r"; whet verify "$r" --out "$runs/verdicts/tuning" -q)
tune() { # MODEL REFERENCE [options]
    local model=$1 reference=$2
    shift 2
    whet train-rm "$model" --rollouts "${tuned_on[0]}" --verdicts "${tuned_on[1]}" --method polar --reference "$reference" \
        --pairs random --max-pairs-per-problem 6 --steps $tuning --rows-per-step $per_step --learning-rate 1e-3 \
        --warmup-steps 10 --schedule cosine --beta2 0.95 --weight-decay 0 --seed "$seed" --out "$runs/tuned/$reference" -q
}
by_answer=$(tune "$polar" answer)
by_rollout=$(tune "$polar" best-rollout)

step "What the best of 8 rollouts is worth on held-out problems, by different choices."
mapfile -t drawn < <(r=$(draw "$held_out" "$main" 8 main); echo "$r"; whet verify "$r" --out "$runs/verdicts/main" -q)
# Another policy's rollouts as references, the first right one of each problem.
other_verdicts=$(whet verify "${unseen[0]}" --out "$runs/verdicts/other" -q)
near_answer=$(whet score "${drawn[0]}" "$by_answer" --reference answer --out "$runs/best/answer" -q)
near_other=$(whet score "${drawn[0]}" "$by_rollout" --reference-rollouts "${unseen[0]}" --verdicts "$other_verdicts" \
    --out "$runs/best/other-rollouts" -q)
python - "$runs/best.json" "${drawn[@]}" "${unseen[0]}" "$other_verdicts" "$near_answer" "$near_other" <<'PYTHON'
import json, pathlib, re, sys
from collections import Counter
from difflib import SequenceMatcher
from whet.artifacts import Artifact
from whet.stages.metrics.intervals import intervals
import numpy as np

out = pathlib.Path(sys.argv[1])
rollouts, verdicts, others, judged, near_answer, near_other = (Artifact.open(path) for path in sys.argv[2:])
problems = rollouts.problems()
by_id = lambda artifact, name: {row["rollout_id"]: row[name] for row in artifact.rows(["rollout_id", name])}
correct = {key: float(value == "correct") for key, value in by_id(verdicts, "verdict").items()}
trusted = {key for key, value in by_id(judged, "verdict").items() if value == "correct"}
references = {}
for row in sorted(others.rows(["problem_id", "draw", "rollout_id", "text"]), key=lambda row: row["draw"]):
    if row["rollout_id"] in trusted:
        references.setdefault(row["problem_id"], row["text"])
groups = {}
for row in rollouts.rows(["problem_id", "rollout_id", "text"]):
    groups.setdefault(row["problem_id"], []).append((row["rollout_id"], row["text"]))

def said(text):
    boxed = re.findall(r"\\boxed\{([^}]*)\}", text)
    return boxed[-1] if boxed else ""

def best(group, worth):
    """The share of right ones among those that are worth most."""
    values = [worth(*item) for item in group]
    top = [correct[item[0]] for item, value in zip(group, values, strict=True) if value == max(values)]
    return sum(top) / len(top)

def like(one, other):
    return SequenceMatcher(None, one, other, autojunk=False).ratio()

def least(scores):
    return lambda key, _: -1e9 if scores[key] is None else scores[key]

def measure(name, scores, reference_of, kept):
    arms = {"POLAR": [], "random": [], "majority": [], "shortest": [], "edit distance to the reference": [], "exact match of the answer": []}
    for problem in kept:
        group, reference = groups[problem], reference_of(problem)
        votes = Counter(said(text) for _, text in group if said(text))
        arms["POLAR"].append(best(group, least(scores)))
        arms["random"].append(np.mean([correct[key] for key, _ in group]))
        arms["majority"].append(best(group, lambda _, text: votes[said(text)]))
        arms["shortest"].append(best(group, lambda _, text: -len(text)))
        arms["edit distance to the reference"].append(best(group, lambda _, text: like(reference, text)))
        answer = said(reference) or reference
        arms["exact match of the answer"].append(best(group, lambda _, text: said(text) == answer))
    values = np.array(list(arms.values())).T
    values = np.hstack([values, values[:, :1] - values[:, 1:]])
    shown = intervals(values, [(0, 1)] * 6 + [(-1, 1)] * 5, differences=True)
    print(f"\nbest of {len(group)} beside {name}, {len(kept)} problems: accuracy [95% interval], POLAR minus it [paired]")
    for arm, item, gap in zip(arms, shown[:6], [None, *shown[6:]], strict=True):
        paired = "" if gap is None else f"   {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
        print(f"    {arm:32} {item.value:6.3f} [{item.low:.3f}, {item.high:.3f}]{paired}")
    return {arm: [item.value, item.low, item.high] for arm, item in zip(arms, shown[:6], strict=True)}

pages = {"answer": measure("the answer", by_id(near_answer, "score"), lambda problem: problems[problem]["answer"], sorted(groups))}
if kept := sorted(groups.keys() & references.keys()):
    pages["rollouts"] = measure("a right rollout of another policy", by_id(near_other, "score"), references.__getitem__, kept)
out.write_text(json.dumps(pages, indent=1) + "\n")
PYTHON

step "POLAR's scores as the only reward: no verdict is read, every one is worth 0."
scores=$(whet score "${tuned_on[0]}" "$by_answer" --reference answer --normalize group --out "$runs/rft/scores" -q)
trained=$(whet train-policy "$main" --rollouts "${tuned_on[0]}" --verdicts "${tuned_on[1]}" --scores "$scores" --objective dr-grpo \
    --reward.correct 0 --reward.incorrect 0 --reward.invalid 0 --reward.mix sum --steps $updates --groups-per-step $groups \
    --learning-rate 3e-4 --warmup-steps 3 --beta2 0.95 --weight-decay 0 --seed "$seed" --out "$runs/rft/policy" -q)
mapfile -t after < <(r=$(draw "$held_out" "$trained" 8 trained); echo "$r"; whet verify "$r" --out "$runs/verdicts/trained" -q)
whet eval "${after[@]}" --against "${drawn[0]}" --against "${drawn[1]}" --out "$runs/report"
