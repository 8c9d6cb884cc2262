"""Near-duplicates of HAM10000 and wrong labels of DermaMNIST, against cleanlab.

python -m benchmarks.duplicates

Needs the extra `bench` (cleanlab with its Datalab).
"""

import numpy as np

from benchmarks.derma import derma_features, derma_pool, draw, lesions, photographs
from benchmarks.measuring import FOLDER, timed
from voisin.audit.duplicates import find_near_vectors, find_same_pictures, join_pairs
from voisin.audit.suspect_labels import leave_one_out, out_of_fold_probabilities, rank_labels
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors

N_DRAWS, N_OF_EACH, WRONG = 20, 50, 0.1


def duplicates(vectors):
    """Rows of (what, pairs, precision, recall, seconds); images of one lesion are the truth."""
    groups = np.unique(lesions(), return_inverse=True)[1]
    sizes = np.bincount(groups)
    n_true = int((sizes * (sizes - 1) // 2).sum())

    def row(what, pairs, seconds):
        right = groups[pairs[:, 0]] == groups[pairs[:, 1]]
        return (
            what,
            len(pairs),
            right.mean() if len(pairs) else np.nan,
            right.sum() / n_true,
            seconds,
        )

    seconds, theirs = timed(lambda: cleanlab_pairs(vectors))
    yield row("cleanlab, as it comes", theirs, seconds)
    by_distance = pairs_by_distance(vectors)
    by_vectors_s, by_vectors = timed(lambda: find_near_vectors(find_neighbors(vectors, 10)))
    yield row(
        "cleanlab's measure, its threshold raised until it lists as many as voisin's vectors",
        by_distance[: len(by_vectors)],
        seconds,
    )
    yield row("voisin, vectors", by_vectors.images, by_vectors_s)
    pixels = photographs(32)
    find_same_pictures(pixels[:100])  # compiles
    by_pictures_s, by_pictures = timed(lambda: find_same_pictures(pixels))
    yield row("voisin, pictures", by_pictures.images, by_pictures_s)
    joined = join_pairs(by_vectors, by_pictures)
    yield row("voisin, both", joined.images, by_vectors_s + by_pictures_s)
    yield from_photographs(pixels)


def from_photographs(pixels):
    """Copies made by hand: mirrored, turned, compressed, cut by 2 %."""
    import io

    from PIL import Image

    generator = np.random.default_rng(0)
    chosen = generator.choice(len(pixels), 200, replace=False)
    copies = []
    for number, picture in enumerate(pixels[chosen]):
        copy = np.rot90(picture, number % 4)
        copy = copy[:, ::-1] if number % 8 >= 4 else copy
        large = Image.fromarray(np.ascontiguousarray(copy)).resize((128, 128))
        file = io.BytesIO()
        large.crop((1, 1, 127, 127)).save(file, "JPEG", quality=75)
        copies.append(np.asarray(Image.open(file).resize((32, 32), Image.Resampling.BICUBIC)))
    seconds, found = timed(lambda: find_same_pictures(np.concatenate([pixels, np.stack(copies)])))
    made = {(int(i), len(pixels) + n) for n, i in enumerate(chosen)}
    right = [tuple(pair) in made for pair in found.images.tolist() if pair[1] >= len(pixels)]
    what = "voisin, pictures: 200 copies turned, mirrored, cut by 2 % and compressed"
    return what, len(right), float(np.mean(right)), sum(right) / 200, seconds


def cleanlab_pairs(vectors):
    from cleanlab import Datalab

    lab = Datalab(data={"row": list(range(len(vectors)))}, verbosity=0)
    lab.find_issues(features=vectors, issue_types={"near_duplicate": {}})
    sets = lab.get_issues("near_duplicate")["near_duplicate_sets"]
    pairs = {(min(i, int(j)), max(i, int(j))) for i, near in enumerate(sets) for j in near}
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def pairs_by_distance(vectors):
    """All pairs of neighbors by distance alone: cleanlab's order."""
    neighbors = find_neighbors(vectors, 10)
    first = np.repeat(np.arange(len(vectors)), 10)
    pairs = np.sort(np.column_stack([first, neighbors.indices.ravel()]), axis=1)
    order = np.argsort(neighbors.distances.ravel(), kind="stable")
    _, at = np.unique(pairs[order], axis=0, return_index=True)
    return pairs[order][np.sort(at)]


def suspects(vectors, truth):
    """Share of the wrong labels among the tenth most suspect, by method: one list over draws."""
    from cleanlab.rank import get_label_quality_scores

    affinity = build_affinity(find_neighbors(vectors, 10))
    n_classes = int(truth.max()) + 1
    found = {}
    for random_state in range(N_DRAWS):
        labels, wrong = with_wrong_labels(truth, random_state)
        rows = np.flatnonzero(labels >= 0)
        n_top = round(WRONG * len(rows))

        def keep(name, order, wrong=wrong, n_top=n_top):
            found.setdefault(name, []).append(np.isin(order[:n_top], wrong).sum() / len(wrong))

        out_of_fold = out_of_fold_probabilities(vectors, labels, n_classes=n_classes)
        left_out = leave_one_out(affinity, labels, n_classes=n_classes)
        for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
            scores = get_label_quality_scores(labels[rows], out_of_fold, method=method)
            keep(f"cleanlab, {method}", rows[np.argsort(scores, kind="stable")])
        keep("voisin, graph without the label", rank_labels(labels, left_out).rows)
        keep("voisin, graph and classifier", rank_labels(labels, left_out, out_of_fold).rows)
    return found


def with_wrong_labels(truth, random_state):
    generator = np.random.default_rng([1, random_state])
    labels = draw(truth, N_OF_EACH, random_state)
    n_classes = int(truth.max()) + 1
    rows = np.flatnonzero(labels >= 0)
    wrong = generator.choice(rows, round(WRONG * len(rows)), replace=False)
    labels[wrong] = (labels[wrong] + generator.integers(1, n_classes, len(wrong))) % n_classes
    return labels, wrong


def main():
    vectors, (_, truth) = derma_features(), derma_pool()
    lines = [
        "# Audit",
        "",
        "Written by `python -m benchmarks.duplicates`, on DermaMNIST's 7,007 train images of",
        "HAM10000: MobileNetV2's features of the photographs at 224 pixels, the same for all.",
        "",
        "## Near-duplicates",
        "",
        "Two photographs of one lesion count as a true pair, 1,574 in all: most are taken from",
        "another distance or angle, no duplicates to the eye, so that recall is low for all.",
        "",
        "| what | pairs | precision | recall | seconds |",
        "|---|---|---|---|---|",
    ]
    for what, count, precision, recall, seconds in duplicates(vectors):
        lines += [f"| {what} | {count:,} | {precision:.3f} | {recall:.3f} | {seconds:.1f} |"]
        print(lines[-1], flush=True)
    lines += [
        "",
        "## Wrong labels",
        "",
        f"{N_OF_EACH} labels a class, {100 * WRONG:g} % of them made wrong, {N_DRAWS} draws: share",
        "of the wrong ones among the tenth of the labels that is most suspect. cleanlab is given",
        "the same out-of-fold probabilities (logistic regression, 5 folds) that voisin's",
        "classifier gives. The last column compares with cleanlab's best, draw by draw.",
        "",
        "| what | found | standard error | more than cleanlab's best in |",
        "|---|---|---|---|",
    ]
    found = suspects(vectors, truth)
    best = max((n for n in found if n.startswith("cleanlab")), key=lambda n: np.mean(found[n]))
    for name, shares in found.items():
        gain = np.array(shares) - np.array(found[best])
        against = f"{(gain > 0).sum()} draws, less in {(gain < 0).sum()}"
        error = np.std(shares) / np.sqrt(len(shares))
        lines += [f"| {name} | {np.mean(shares):.3f} | {error:.3f} | {against} |"]
        print(lines[-1], flush=True)
    (FOLDER / "audit.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
