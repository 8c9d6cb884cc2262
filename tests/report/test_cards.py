"""What a card says of an image is true of that image."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from tests.report.reader import Page
from tests.report.samples import sample_content
from voisin.report.page import render_report
from voisin.report.wording import percent


def false_cards(page, content):
    """Ids on the cards of which class, probability or verdict is not that of this image."""
    row = {str(id_): i for i, id_ in enumerate(content.images.ids)}
    names = content.images.class_names
    found = []
    for card in page.html.split('<li class="card"')[1:]:
        id_ = re.search(r'<p class="id">([^<]+)</p>', card)[1]
        p, truth = content.probabilities[row[id_]], content.truth[row[id_]]
        predicted, reached = int(p.argmax()), content.reached[row[id_]]
        words = [f"Image {id_}: labeled {names[predicted]}, " if reached else f"{id_}: no label, "]
        words.append("true class unknown" if truth < 0 else f"true class {names[truth]}")
        if reached:
            words += [f"<strong>{names[predicted]}</strong>", f">probability {percent(p.max())}<"]
        if truth < 0:
            words.append(">true class unknown<")
        elif not reached:
            words.append(f">true class: {names[truth]}<")
        elif truth == predicted:
            words.append('<p class="good"><span aria-hidden="true">✓</span> right</p>')
        else:
            words.append(f'<span aria-hidden="true">✗</span> wrong, true class: {names[truth]}</p>')
        own = unescape(card.split("Nearest labeled images")[0])
        n_verdicts = own.count("✓") + own.count("✗")
        if not all(word in own for word in words) or n_verdicts != (truth >= 0 and reached):
            found.append(id_)
    return found


@pytest.mark.parametrize("random_state", range(3))
def test_every_card_tells_the_class_the_probability_and_the_verdict_of_its_own_image(random_state):
    rng = np.random.default_rng(random_state)
    content = sample_content(random_state=random_state, reached=rng.random(60) < 0.9)
    content = replace(content, truth=np.where(rng.random(60) < 0.2, -1, content.truth))
    order = rng.permutation(60)  # ids in no order
    content = replace(content, images=content.images.take(order))
    page = Page(render_report(content))

    assert page.html.count('<li class="card"') > 20
    assert {"✓", "✗"} <= set(page.text)
    assert false_cards(page, content) == []
    rolled = replace(content, truth=np.roll(content.truth, 1))
    moved = replace(content, probabilities=np.roll(content.probabilities, 1, axis=0))
    assert len(false_cards(page, rolled)) > 10
    assert len(false_cards(page, moved)) > 10
