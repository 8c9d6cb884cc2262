"""The sentences of a report in French, by the English ones.

`SENTENCES` are those of the pages. `NOTES` are those that other parts of the package write, with
values in them. A place such as ``%(n)s`` stands in both languages; where a sentence has ``%%``, so
has its translation. An ordinary space stands before ``:``, ``;``, ``?``, ``!`` and ``%``, and
within quotation marks: `language` makes it one at which no line ends.
"""

from collections.abc import Mapping

_ON_TOP = {
    "%(name)s – voisin report": "%(name)s – rapport de voisin",
    "voisin report": "rapport de voisin",
    "Skip the summary": "Passer le résumé",
    "Sections": "Rubriques",
    "Details": "Détails",
    "%(name)s: from %(given)s label to %(all)s": "%(name)s : de %(given)s étiquette à %(all)s",
    "%(name)s: from %(given)s labels to %(all)s": "%(name)s : de %(given)s étiquettes à %(all)s",
    "How many": "Combien",
    "%(shown)s image labeled": "%(shown)s image étiquetée",
    "%(shown)s images labeled": "%(shown)s images étiquetées",
    "from %(shown)s label that you gave, in %(classes)s classes.": (
        "à partir de %(shown)s étiquette donnée, en %(classes)s classes."
    ),
    "from %(shown)s labels that you gave, in %(classes)s classes.": (
        "à partir de %(shown)s étiquettes données, en %(classes)s classes."
    ),
    "None was labeled %(names)s.": "Aucune image n’a été classée %(names)s.",
    "Decision <code>%(way)s</code>: %(meaning)s.": "Décision <code>%(way)s</code> : %(meaning)s.",
    "%(shown)s label would be another class if each image got its likeliest class.": (
        "%(shown)s étiquette serait une autre classe si chaque image recevait la plus probable."
    ),
    "%(shown)s labels would be another class if each image got its likeliest class.": (
        "%(shown)s étiquettes seraient une autre classe si chaque image recevait la plus probable."
    ),
    "Mean probability of the labels, after calibration": (
        "Probabilité moyenne des étiquettes, après calibration"
    ),
    "%(shown)s more image has no label: no chain of similar images leads from it to a labeled "
    "one.": (
        "%(shown)s autre image reste sans étiquette : aucune chaîne d’images semblables ne la "
        "relie à une image étiquetée."
    ),
    "%(shown)s more images have no label: no chain of similar images leads from them to a "
    "labeled one.": (
        "%(shown)s autres images restent sans étiquette : aucune chaîne d’images semblables ne les "
        "relie à une image étiquetée."
    ),
    "How good": "Quelle fiabilité",
    "about %(share)s right": "environ %(share)s justes",
    "Expected from %(shown)s label that was held out and found again from the others.": (
        "Estimation d’après %(shown)s étiquette mise de côté et retrouvée à partir des autres."
    ),
    "Expected from %(shown)s labels that were held out in turn and found again from the others.": (
        "Estimation d’après %(shown)s étiquettes mises de côté à tour de rôle et retrouvées à "
        "partir des autres."
    ),
    "%(share)s right": "%(share)s justes",
    "%(low)s to %(high)s": "de %(low)s à %(high)s",
    "Counted on the %(shown)s unlabeled image whose true class was hidden from voisin.": (
        "Compté sur %(shown)s image non étiquetée, dont la vraie classe était cachée à voisin."
    ),
    "Counted on the %(shown)s unlabeled images whose true class was hidden from voisin.": (
        "Compté sur les %(shown)s images non étiquetées dont la vraie classe était cachée à voisin."
    ),
    "Counted on the %(shown)s test image that was kept apart.": (
        "Compté sur %(shown)s image de test, gardée à part."
    ),
    "Counted on the %(shown)s test images that were kept apart.": (
        "Compté sur les %(shown)s images de test, gardées à part."
    ),
    "They are of %(n)s group: too few to say how far this may be off.": (
        "Elles sont de %(n)s seul groupe : trop peu pour dire de combien cela peut s’écarter."
    ),
    "They are of %(n)s groups: too few to say how far this may be off.": (
        "Elles sont de %(n)s groupes : trop peu pour dire de combien cela peut s’écarter."
    ),
    "no interval": "pas d’intervalle",
    "These are too few for more than a rough hint.": (
        "C’est trop peu pour donner plus qu’une idée approximative."
    ),
    "Most found: %(name)s (%(share)s).": "Classe la mieux retrouvée : %(name)s (%(share)s).",
    "Least found: %(name)s (%(share)s).": "La moins bien retrouvée : %(name)s (%(share)s).",
    "Not known": "On l’ignore",
    "No true label was kept apart. To learn how many labels are right, label a few hundred "
    "images drawn <em>at random</em> and keep them apart as the split <code>test</code>; or run "
    "voisin with <code>--labels-per-class</code> on a set that is labeled throughout.": (
        "Aucune étiquette vraie n’a été gardée à part. Pour savoir combien d’étiquettes sont "
        "justes, étiquetez quelques centaines d’images tirées <em>au hasard</em> et gardez-les à "
        "part dans la partie <code>test</code> ; ou lancez voisin avec "
        "<code>--labels-per-class</code> sur un ensemble entièrement étiqueté."
    ),
    "The images": "Les images",
    "The surest and the most doubtful image of each class": (
        "L’image la plus sûre et la plus douteuse de chaque classe"
    ),
    "Class": "Classe",
    "Surest": "Les plus sûres",
    "Most doubtful": "Les plus douteuses",
    "What is mixed up": "Ce qui est confondu",
    "<strong>%(truth)s</strong> taken for <strong>%(given)s</strong>: %(shown)s image": (
        "<strong>%(truth)s</strong> pris pour <strong>%(given)s</strong> : %(shown)s image"
    ),
    "<strong>%(truth)s</strong> taken for <strong>%(given)s</strong>: %(shown)s images": (
        "<strong>%(truth)s</strong> pris pour <strong>%(given)s</strong> : %(shown)s images"
    ),
    "What next": "Et ensuite",
    "All commands": "Toutes les commandes",
    "Warning": "Avertissement",
    "Warnings": "Avertissements",
    "Made by voisin %(version)s. This page is a single file: it loads nothing from the internet "
    "and sends nothing.": (
        "Fait par voisin %(version)s. Cette page est un seul fichier : elle ne charge rien "
        "d’Internet et n’envoie rien."
    ),
}


_PICTURES = {
    "Pictures": "Images",
    "Unlabeled images, with the label that voisin gave them, its probability, and the three "
    "labeled images most similar to each.": (
        "Des images non étiquetées, avec l’étiquette que voisin leur a donnée, sa probabilité, et "
        "les trois images étiquetées qui ressemblent le plus à chacune."
    ),
    "The numbers under these are the cosine similarity (1 is the highest).": (
        "Les nombres sous ces dernières sont la similarité cosinus (1 est le maximum)."
    ),
    "The numbers under these are the distance (0 means identical).": (
        "Les nombres sous ces dernières sont la distance (0 : identiques)."
    ),
    "Shown are the %(shown)s classes that were given most often; %(n)s class is left out.": (
        "Seules les %(shown)s classes les plus données sont montrées ; %(n)s classe manque."
    ),
    "Shown are the %(shown)s classes that were given most often; %(n)s classes are left out.": (
        "Seules les %(shown)s classes les plus données sont montrées ; %(n)s classes manquent."
    ),
    "Surest mistakes": "Les erreurs les plus sûres",
    "The %(shown)s image that was given a wrong class. Look here first: voisin may be wrong, or "
    "the true class in your data.": (
        "La seule image (%(shown)s) qui a reçu une mauvaise classe. Regardez d’abord ici : voisin "
        "peut se tromper, ou la vraie classe dans vos données."
    ),
    "Of the %(shown)s images that were given a wrong class, these have the most probable labels. "
    "Look here first: voisin may be wrong, or the true class in your data.": (
        "Des %(shown)s images qui ont reçu une mauvaise classe, celles dont l’étiquette est la "
        "plus probable. Regardez d’abord ici : voisin peut se tromper, ou la vraie classe dans vos "
        "données."
    ),
    "Images that no label reaches": "Images qu’aucune étiquette n’atteint",
    "No label reaches it": "Aucune étiquette ne l’atteint",
    "given to %(shown)s image": "donnée à %(shown)s image",
    "given to %(shown)s images": "donnée à %(shown)s images",
    "Surest: %(name)s": "Les plus sûres : %(name)s",
    "Most doubtful: %(name)s": "Les plus douteuses : %(name)s",
    "labeled": "classée",
    "probability %(share)s": "probabilité %(share)s",
    "else %(name)s (%(share)s)": "sinon %(name)s (%(share)s)",
    "right": "juste",
    "true class unknown": "vraie classe inconnue",
    "true class: %(name)s": "vraie classe : %(name)s",
    "true class %(truth)s": "vraie classe %(truth)s",
    "wrong, true class: %(name)s": "fausse, vraie classe : %(name)s",
    "Nearest labeled images": "Images étiquetées les plus proches",
    "Labeled image %(id)s: %(name)s": "Image étiquetée %(id)s : %(name)s",
    "Image %(id)s: no label": "Image %(id)s : sans étiquette",
    "Image %(id)s: labeled %(name)s": "Image %(id)s : classée %(name)s",
    "picture cannot be read": "image illisible",
}


_MISTAKES = {
    "To measure it, label a few hundred images drawn <em>at random</em> and keep them "
    "apart as the split <code>test</code>; or check some of these labels with <code>voisin "
    "certify</code>.": (
        "Pour le mesurer, étiquetez quelques centaines d’images tirées <em>au hasard</em> et "
        "gardez-les à part dans la partie <code>test</code> ; ou vérifiez une partie de ces "
        "étiquettes avec <code>voisin certify</code>."
    ),
    "What is probably mixed up": "Ce qui est sans doute confondu",
    "<strong>%(truth)s</strong> taken for <strong>%(given)s</strong>: about %(share)s": (
        "<strong>%(truth)s</strong> pris pour <strong>%(given)s</strong> : environ %(share)s"
    ),
    "Estimated from %(shown)s given label that was held out and found again from the others: no "
    "other true class is known.": (
        "Estimé d’après %(shown)s étiquette donnée, mise de côté et retrouvée à partir des autres "
        ": aucune autre vraie classe n’est connue."
    ),
    "Estimated from %(shown)s given labels that were held out in turn and found again from the "
    "others: no other true class is known.": (
        "Estimé d’après %(shown)s étiquettes données, mises de côté à tour de rôle et retrouvées à "
        "partir des autres : aucune autre vraie classe n’est connue."
    ),
    "The images are those that got the second class and for which the first is the most "
    "probable.": (
        "Les images sont celles qui ont reçu la seconde classe et pour lesquelles la première est "
        "la plus probable."
    ),
    "<strong>%(truth)s</strong> taken for <strong>%(given)s</strong>: about %(share)s of the "
    "class (%(interval)s)": (
        "<strong>%(truth)s</strong> pris pour <strong>%(given)s</strong> : environ %(share)s de la "
        "classe (%(interval)s)"
    ),
    "Found, as expected": "Retrouvées, selon l’estimation",
    "<strong>%(truth)s</strong> taken for <strong>%(given)s</strong>: %(shown)s image (%(share)s "
    "of the class)": (
        "<strong>%(truth)s</strong> pris pour <strong>%(given)s</strong> : %(shown)s image "
        "(%(share)s de la classe)"
    ),
    "<strong>%(truth)s</strong> taken for <strong>%(given)s</strong>: %(shown)s images "
    "(%(share)s of the class)": (
        "<strong>%(truth)s</strong> pris pour <strong>%(given)s</strong> : %(shown)s images "
        "(%(share)s de la classe)"
    ),
    "All counts are of the %(n)s unlabeled images whose true class is known.": (
        "Tout est compté sur les %(n)s images non étiquetées dont la vraie classe est connue."
    ),
    "All counts are of the %(n)s test images.": "Tout est compté sur les %(n)s images de test.",
    "“Found” is the share of a class that got its label (recall); “right” is the share of a "
    "label's images that are of its class (precision).": (
        "« Retrouvées » : la part d’une classe qui a reçu son étiquette (rappel) ; « justes » : la "
        "part des images d’une étiquette qui sont bien de sa classe (précision)."
    ),
    "Each class": "Classe par classe",
    "Images": "Images",
    "Found": "Retrouvées",
    "Labeled so": "Ainsi étiquetées",
    "Right": "Justes",
    "Confusion matrix": "Matrice de confusion",
    "Confusion matrices": "Matrices de confusion",
    "True class": "Vraie classe",
    "given %(name)s": "donnée : %(name)s",
    "others": "autres",
    "no answer": "sans réponse",
    "Shown are the %(shown)s classes with the most images of %(n)s; the column “others” adds up "
    "the other classes.": (
        "Seules sont montrées, sur %(n)s classes, les %(shown)s qui ont le plus d’images ; la "
        "colonne « autres » réunit les autres."
    ),
    "Each row is a true class, each column the class that was given. Percentages are "
    "shares of the row; below them stand the counts. The outlined diagonal holds the "
    "images that are right.": (
        "Chaque ligne est une vraie classe, chaque colonne la classe donnée. Les pourcentages sont "
        "des parts de la ligne ; dessous, les nombres d’images. La diagonale encadrée contient les "
        "images justes."
    ),
    "The column “no answer” counts images for which the method had no evidence for any class; "
    "they count as not found.": (
        "La colonne « sans réponse » compte les images pour lesquelles la méthode n’avait aucun "
        "indice ; elles comptent comme non retrouvées."
    ),
}


_NEXT_STEPS = {
    "Each of these commands answers one more question about this run, and writes a page of its "
    "own into the same folder.": (
        "Chacune de ces commandes répond à une question de plus, et écrit sa propre page dans le "
        "même dossier."
    ),
    "Start them in the folder from which the run was started.": (
        "Lancez-les depuis le dossier d’où voisin a été lancé."
    ),
    "Which images should I label next?": "Quelles images étiqueter ensuite ?",
    "Lists the images whose labels would improve the result most, with pictures, a table to fill "
    "in, and a forecast of what your answers would change.": (
        "Donne les images dont l’étiquette améliorerait le plus le résultat, un tableau à remplir, "
        "et une prévision de ce que vos réponses changeraient."
    ),
    "Which labels can I rely on?": "À quelles étiquettes puis-je me fier ?",
    "Draws images at random for you to check. From your answers it determines the largest set of "
    "labels of which at most 5%% are wrong.": (
        "Tire des images au hasard, à vérifier par vous. De vos réponses, elle déduit le plus "
        "grand ensemble d’étiquettes dont 5 %% au plus sont fausses."
    ),
    "How common is each class?": "Quelle est la fréquence de chaque classe ?",
    "Your labels do not tell, and the labels found depend on it. Draws images at random for you to "
    "label; the next run takes the shares of the classes from them.": (
        "Vos étiquettes ne le disent pas, et celles qui ont été trouvées en dépendent. Tire des "
        "images au hasard, que vous étiquetez ; l’exécution suivante en déduit la part de chaque "
        "classe."
    ),
    "Which images and labels look wrong?": (
        "Quelles images et quelles étiquettes semblent fausses ?"
    ),
    "Lists near-duplicates in both training and test, given labels that the most similar images "
    "contradict, classes with too few labels, and outliers; the most serious first.": (
        "Signale les quasi-doublons entre apprentissage et test, les étiquettes données que "
        "contredisent les images les plus semblables, les classes trop peu étiquetées et les "
        "images aberrantes ; le plus grave d’abord."
    ),
    "Why did an image get its label?": "Pourquoi une image a-t-elle reçu son étiquette ?",
    "Shows the labeled images that the label came from, with their shares, and what speaks "
    "against it. The command names the image with the most doubtful label; the id of any other "
    "image works, too.": (
        "Montre les images étiquetées d’où vient l’étiquette, avec la part de chacune, et ce qui "
        "parle contre. La commande nomme l’image dont l’étiquette est la plus douteuse ; "
        "l’identifiant de toute autre image convient aussi."
    ),
}


_METHODS = {
    "Every method compared": "Toutes les méthodes comparées",
    "On the %(n)s unlabeled images whose true class is known, the best method is "
    "<strong>%(method)s</strong>: it finds on average %(share)s of the images of each class "
    "(balanced accuracy %(value)s, 95%%: %(interval)s).": (
        "Sur les %(n)s images non étiquetées dont la vraie classe est connue, la meilleure méthode "
        "est : <strong>%(method)s</strong>. Elle retrouve en moyenne %(share)s des images de "
        "chaque classe (exactitude équilibrée %(value)s, à 95 %% : %(interval)s)."
    ),
    "On the %(n)s test images whose true class is known, the best method is "
    "<strong>%(method)s</strong>: it finds on average %(share)s of the images of each class "
    "(balanced accuracy %(value)s, 95%%: %(interval)s).": (
        "Sur les %(n)s images de test dont la vraie classe est connue, la meilleure méthode est : "
        "<strong>%(method)s</strong>. Elle retrouve en moyenne %(share)s des images de chaque "
        "classe (exactitude équilibrée %(value)s, à 95 %% : %(interval)s)."
    ),
    "On the %(n)s images whose true class is known, no method is the best: %(methods)s are level "
    "(balanced accuracy %(value)s, 95%%: %(interval)s).": (
        "Sur les %(n)s images dont la vraie classe est connue, aucune méthode n’est la meilleure : "
        "%(methods)s sont à égalité (exactitude équilibrée %(value)s, à 95 %% : %(interval)s)."
    ),
    "“No interval” means that fewer than %(n)s images, or groups of images, tell the figure: too "
    "few to say how far it may be off.": (
        "« Pas d’intervalle » : moins de %(n)s images, ou groupes d’images, donnent cette valeur, "
        "trop peu pour dire de combien elle peut s’écarter."
    ),
    "The next best is %(method)s with %(value)s; the intervals do not overlap.": (
        "Vient ensuite : %(method)s, avec %(value)s ; les intervalles ne se chevauchent pas."
    ),
    "The next best is %(method)s with %(value)s; the intervals overlap, so the order of the two "
    "may be chance.": (
        "Vient ensuite : %(method)s, avec %(value)s ; les intervalles se chevauchent, l’ordre des "
        "deux peut donc être dû au hasard."
    ),
    "Without the test images whose group is also in the training set, its balanced accuracy is "
    "%(value)s (%(interval)s).": (
        "Sans les images de test dont le groupe est aussi dans l’ensemble d’apprentissage, son "
        "exactitude équilibrée est de %(value)s (%(interval)s)."
    ),
    "Every figure is followed by its 95%% bootstrap interval: the range in which it plausibly "
    "lies for other images of the same kind. Where the intervals of two methods overlap, their "
    "order may be chance.": (
        "Chaque valeur est suivie de son intervalle bootstrap à 95 %% : la plage où elle se "
        "trouverait vraisemblablement pour d’autres images du même genre. Là où les intervalles de "
        "deux méthodes se chevauchent, leur ordre peut être dû au hasard."
    ),
    "marks the best of each column in each block (the ceiling, which is given every label, is "
    "left out).": (
        "marque la meilleure de chaque colonne dans chaque bloc (sans le plafond, qui connaît "
        "toutes les étiquettes)."
    ),
    "marks the best of each column in each block.": (
        "marque la meilleure de chaque colonne dans chaque bloc."
    ),
    "Figures of every method, by set of images": "Valeurs de chaque méthode, par ensemble d’images",
    "Method": "Méthode",
    "less is better": "le plus bas est le mieux",
    "%(n)s images": "%(n)s images",
    "%(n)s without an answer, counted as not found": (
        "%(n)s sans réponse, comptées comme non retrouvées"
    ),
    "best": "meilleure",
    "%(figure)s on the %(scope)s": "%(figure)s, %(scope)s",
    "Recall of each class": "Rappel de chaque classe",
    "Share of the images of a class that are found, with its 95%% interval, on the %(n)s "
    "%(scope)s; “–” means that the set has no image of the class.": (
        "Part des images d’une classe qui sont retrouvées, avec son intervalle à 95 %%, sur %(n)s "
        "%(scope)s ; « – » : l’ensemble n’a aucune image de la classe."
    ),
    "Recall of each class, by method": "Rappel de chaque classe, par méthode",
    "The methods": "Les méthodes",
    "Few labels only": "Étiquettes données seules",
    "a network trained on the given labels alone": (
        "un réseau entraîné sur les seules étiquettes données"
    ),
    "in each round a new network, trained on the given labels and on the most confident guesses "
    "of the networks before it": (
        "à chaque tour, un nouveau réseau, entraîné sur les étiquettes données et sur les réponses "
        "les plus sûres des réseaux précédents"
    ),
    "Expert network (from a file)": "Réseau expert (d’un fichier)",
    "a network that was loaded from a file; what it was trained on is not known here": (
        "un réseau chargé d’un fichier ; on ignore ici sur quoi il a été entraîné"
    ),
    "whether the expert network, whose vectors make the graph, was trained on these images "
    "before is not known here": (
        "on ignore ici si le réseau expert, dont les vecteurs font le graphe, a déjà été entraîné "
        "sur ces images"
    ),
    "Propagated labels": "Étiquettes propagées",
    "the labels of this run: the given labels, passed on from image to image along the graph of "
    "nearest neighbors; some labeling methods also use a classifier trained on the given labels. "
    "Probabilities are calibrated, and decide the label as the top of the page says. A test "
    "image gets its label from its nearest neighbors in the graph": (
        "les étiquettes de cette exécution : les étiquettes données, transmises d’image en image "
        "le long du graphe des plus proches voisins ; certaines méthodes se servent aussi d’un "
        "classifieur entraîné sur les étiquettes données. Les probabilités sont calibrées et "
        "décident de l’étiquette comme le dit le haut de la page. Une image de test reçoit son "
        "étiquette de ses plus proches voisins dans le graphe"
    ),
    "each class is given as often as it is estimated to occur": (
        "chaque classe est donnée aussi souvent qu’on l’estime présente"
    ),
    "each image gets its likeliest class": "chaque image reçoit sa classe la plus probable",
    "all classes are to be found equally well, rare ones, too": (
        "toutes les classes doivent être retrouvées aussi bien, les rares aussi"
    ),
    "each image gets its likeliest class, as all classes count as equally common": (
        "chaque image reçoit sa classe la plus probable, toutes les classes étant supposées aussi "
        "fréquentes"
    ),
    "Retrained": "Réentraîné",
    "the classifier that the run leaves for new images, trained on the propagated labels, where "
    "more certain labels count more": (
        "le classifieur gardé pour de nouvelles images, entraîné sur les étiquettes propagées, où "
        "les plus sûres comptent davantage"
    ),
    "Ceiling": "Plafond",
    "a small network trained on the true label of every training image: about what labeling all "
    "images by hand would give it. It is shown for comparison and never marked as the best": (
        "un petit réseau, entraîné sur la vraie étiquette de chaque image d’apprentissage : à peu "
        "près ce que donnerait l’étiquetage de toutes les images à la main. Montré pour comparer, "
        "jamais marqué comme le meilleur"
    ),
    "Its balanced accuracy is below that of %(method)s here: it learns from the classes as often "
    "as they occur, so it learns the common classes well and finds fewer images of the rare ones": (
        "Son exactitude équilibrée est ici inférieure à celle de la méthode « %(method)s » : il "
        "voit les classes aussi souvent qu’elles se présentent, apprend donc bien les classes "
        "fréquentes et retrouve moins d’images des classes rares"
    ),
    "The sets of images": "Les ensembles d’images",
    "Unlabeled images": "Images non étiquetées",
    "images of the graph whose label was hidden from the methods and kept for this check": (
        "images du graphe dont l’étiquette a été cachée aux méthodes et gardée pour cette "
        "vérification"
    ),
    "Test images": "Images de test",
    "images kept apart from the start: nothing in this run was trained on them": (
        "images gardées à part dès le début : rien ici n’a été entraîné sur elles"
    ),
    "Test images of new groups": "Images de test de nouveaux groupes",
    "only the test images whose group (patient, lesion, video) has no image in the training set, "
    "as the others may be too easy. What is left is another mix of classes, so the figures may "
    "be higher or lower: compare methods within one set of images, not one set with another": (
        "seulement les images de test dont le groupe (patient, lésion, vidéo) n’a aucune image "
        "dans l’ensemble d’apprentissage, car les autres peuvent être trop faciles. Le mélange de "
        "classes qui reste est autre, les valeurs peuvent donc être plus hautes ou plus basses : "
        "comparez les méthodes dans un même ensemble, non un ensemble à un autre"
    ),
}


_FIGURES = {
    "The figures": "Les mesures",
    "not defined, as for a class without images": "non défini, comme pour une classe sans images",
    "AUC": "AUC",
    "how often an image of a class gets a higher probability for that class than an image of "
    "another class, averaged over the classes; 0.5 is chance, 1 is perfect": (
        "combien de fois une image d’une classe reçoit, pour cette classe, une probabilité plus "
        "haute qu’une image d’une autre classe, en moyenne sur les classes ; 0,5 : le hasard, 1 : "
        "parfait"
    ),
    "Balanced accuracy": "Exactitude équilibrée",
    "share of each class that is found (its recall), averaged over the classes, so that a rare "
    "class counts as much as a common one": (
        "part de chaque classe qui est retrouvée (son rappel), en moyenne sur les classes : une "
        "classe rare compte autant qu’une classe fréquente"
    ),
    "Accuracy": "Exactitude",
    "share of the images whose label is the true class; large classes dominate it": (
        "part des images dont l’étiquette est la vraie classe ; les grandes classes y dominent"
    ),
    "Macro F1": "F1 macro",
    "for each class, the harmonic mean of recall (share of the class that is found) and "
    "precision (share that is right among the images given the class); then the mean over the "
    "classes": (
        "pour chaque classe, la moyenne harmonique du rappel (part de la classe qui est retrouvée) "
        "et de la précision (part juste des images qui ont reçu la classe) ; puis la moyenne sur "
        "les classes"
    ),
    "ECE": "ECE",
    "expected calibration error: how far the probability of the label is, on average, from how "
    "often it is right; 0 is best, 0.10 means 10 percentage points too high or too low": (
        "erreur de calibration attendue : l’écart moyen entre la probabilité de l’étiquette et la "
        "fréquence à laquelle elle est juste ; 0 est le mieux, 0,10 veut dire 10 points de "
        "pourcentage de trop ou de moins"
    ),
}


_TRUST = {
    "Probable labels are right more often": "Les étiquettes probables sont plus souvent justes",
    "The %(n)s unlabeled images whose true class is known, the most probable label first. Where "
    "the probabilities are of use, the surest images are right more often than all images "
    "together.": (
        "Les %(n)s images non étiquetées dont la vraie classe est connue, l’étiquette la plus "
        "probable d’abord. Là où les probabilités sont utiles, les images les plus sûres sont plus "
        "souvent justes que l’ensemble."
    ),
    "Accuracy of the surest images": "Exactitude des images les plus sûres",
    "If you keep only the surest images": "Si vous ne gardez que les images les plus sûres",
    "Keep": "Garder",
    "Lowest probability": "Probabilité la plus basse",
    "Reliability": "Fiabilité",
    "Predictions on the %(scope)s, grouped by confidence (the probability of the label). On the "
    "dashed line, predictions with a confidence of 70%% are right 70%% of the time. Below the "
    "line, a method is right less often than it says; above the line, more often. The gray bars "
    "count the predictions: trust the dots above tall bars.": (
        "Les prédictions sur les %(scope)s, groupées par confiance (la probabilité de "
        "l’étiquette). Sur la ligne en tirets, les prédictions de confiance 70 %% sont justes dans "
        "70 %% des cas. Sous la ligne, une méthode est juste moins souvent qu’elle ne le dit ; "
        "au-dessus, plus souvent. Les barres grises comptent les prédictions : fiez-vous aux "
        "points au-dessus des hautes barres."
    ),
    "Calibration: probabilities that mean what they say": (
        "Calibration : des probabilités qui disent vrai"
    ),
    "%(n)s of the given labels were held out in turn, and predicted from the other labels. How "
    "often these predictions were right was used to correct the probabilities of all images; "
    "<code>labels.parquet</code> has the corrected ones. Of the labels with a probability of "
    "70%%, about 70%% should be right.": (
        "%(n)s des étiquettes données ont été mises de côté à tour de rôle et prédites à partir "
        "des autres. La fréquence à laquelle ces prédictions étaient justes a servi à corriger les "
        "probabilités de toutes les images ; <code>labels.parquet</code> a les probabilités "
        "corrigées. Des étiquettes de probabilité 70 %%, environ 70 %% devraient être justes."
    ),
    "Calibration error before: mean difference between the probability and how often it is right": (
        "Erreur de calibration avant : écart moyen entre la probabilité et la fréquence à laquelle "
        "elle est juste"
    ),
    "Calibration error after: each label was corrected by what the other labels showed": (
        "Erreur de calibration après : chaque étiquette a été corrigée par ce qu’ont montré les "
        "autres"
    ),
    "Temperature: below 1, the probabilities were too low; above 1, too high": (
        "Température : au-dessous de 1, les probabilités étaient trop basses ; au-dessus de 1, "
        "trop hautes"
    ),
    "Reliability of each class": "Fiabilité de chaque classe",
    "Held-out labels, sorted by the probability of the class and divided into bins of about "
    "equally many labels, equal probabilities in one; each label counts for as many images as it "
    "stands for. On the dashed line, the probability equals the share of the labels that really "
    "are of the class. The vertical bars are 95%% intervals: long bars mean that there are too "
    "few labels to tell.": (
        "Les étiquettes mises de côté, rangées par la probabilité de la classe et réparties en "
        "tranches d’à peu près autant d’étiquettes, les probabilités égales ensemble ; chaque "
        "étiquette compte pour autant d’images qu’elle en représente. Sur la ligne en tirets, la "
        "probabilité est égale à la part des étiquettes qui sont vraiment de la classe. Les barres "
        "verticales sont des intervalles à 95 %% : de longues barres veulent dire qu’il y a trop "
        "peu d’étiquettes pour en juger."
    ),
    "For the intervals, whole groups were resampled.": (
        "Pour les intervalles, des groupes entiers ont été rééchantillonnés."
    ),
    "%(n)s held out; calibration error %(before)s before, %(after)s after": (
        "%(n)s mises de côté ; erreur de calibration %(before)s avant, %(after)s après"
    ),
    "Calibration of each class": "Calibration de chaque classe",
    "Labels held out": "Étiquettes mises de côté",
    "Error before": "Erreur avant",
    "Error after": "Erreur après",
    "Expected share of all images": "Part attendue des images",
}


_ROUNDS = {
    "Pseudo-labels": "Pseudo-étiquettes",
    "Pseudo-labels: guesses of the network used as labels": (
        "Pseudo-étiquettes : des réponses du réseau prises pour étiquettes"
    ),
    "In each round, the guesses that the network is most confident about are used as labels, and "
    "a new network is trained on the given labels and these guesses. Nothing corrects a wrong "
    "guess: the next network learns it as if it were true, and may make more mistakes of the "
    "same kind. This is called <em>confirmation bias</em>.": (
        "À chaque tour, les réponses dont le réseau est le plus sûr servent d’étiquettes, et un "
        "nouveau réseau est entraîné sur les étiquettes données et sur ces réponses. Rien ne "
        "corrige une réponse fausse : le réseau suivant l’apprend comme si elle était vraie, et "
        "peut faire d’autres erreurs du même genre. On appelle cela le <em>biais de "
        "confirmation</em>."
    ),
    "Here %(share)s of the %(n)s pseudo-labels of round %(round)s are correct.": (
        "Ici, %(share)s des %(n)s pseudo-étiquettes du tour %(round)s sont justes."
    ),
    "Of the %(n_first)s pseudo-labels added in round %(first)s, %(right_first)s%% are correct; "
    "of the %(n_last)s added in round %(last)s, %(right_last)s%%.": (
        "Des %(n_first)s pseudo-étiquettes ajoutées au tour %(first)s, %(right_first)s %% sont "
        "justes ; des %(n_last)s ajoutées au tour %(last)s, %(right_last)s %%."
    ),
    "This fall is more than chance explains. It has two possible reasons, which these figures "
    "cannot tell apart: the network repeats its mistakes, or later rounds are left with harder "
    "images, since the easy images are labeled first.": (
        "Cette baisse dépasse ce que le hasard explique. Elle a deux raisons possibles, que ces "
        "valeurs ne distinguent pas : le réseau répète ses erreurs, ou il ne reste aux derniers "
        "tours que des images plus difficiles, puisque les faciles sont étiquetées d’abord."
    ),
    "This rise is more than chance explains.": "Cette hausse dépasse ce que le hasard explique.",
    "The two are about equal: the difference may be chance.": (
        "Les deux sont à peu près égales : l’écart peut être dû au hasard."
    ),
    "Pseudo-labels by round, and the share that is correct": (
        "Pseudo-étiquettes par tour, et part juste"
    ),
    "Pseudo-labels by round": "Pseudo-étiquettes par tour",
    "Pseudo-labels added in each round": "Pseudo-étiquettes ajoutées à chaque tour",
    "Pseudo-labels added of each class": "Pseudo-étiquettes ajoutées de chaque classe",
    "Round": "Tour",
    "Round %(n)s": "Tour %(n)s",
    "Added": "Ajoutées",
    "In all": "En tout",
    "Correct": "Justes",
    "True class known for": "Vraie classe connue pour",
}


_SOURCE = {
    "The images and labels of this run": "Les images et les étiquettes",
    "<strong>%(name)s</strong> holds %(n)s images (%(splits)s).": (
        "<strong>%(name)s</strong> contient %(n)s images (%(splits)s)."
    ),
    "<strong>%(name)s</strong> holds %(n)s images.": (
        "<strong>%(name)s</strong> contient %(n)s images."
    ),
    "The true class of %(shown)s is known.": "La vraie classe de %(shown)s est connue.",
    "No groups (patients, lesions, videos) are known, so each image counts as independent.": (
        "Aucun groupe (patients, lésions, vidéos) n’est connu : chaque image compte comme "
        "indépendante."
    ),
    "They belong to %(n)s groups (such as patients, lesions or videos); intervals are computed "
    "by group, since images of one group resemble each other.": (
        "Elles appartiennent à %(n)s groupes (patients, lésions ou vidéos, par exemple) ; les "
        "intervalles sont calculés par groupe, car les images d’un même groupe se ressemblent."
    ),
    "The graph is made of %(shown)s image.": "Le graphe est fait de %(shown)s image.",
    "The graph is made of %(shown)s images.": "Le graphe est fait de %(shown)s images.",
    "%(shown)s more could not be read.": "%(shown)s de plus étaient illisibles.",
    "%(shown)s test image whose true class is known is kept to judge the methods.": (
        "%(shown)s image de test dont la vraie classe est connue est gardée pour juger les "
        "méthodes."
    ),
    "%(shown)s test images whose true class is known are kept to judge the methods.": (
        "%(shown)s images de test dont la vraie classe est connue sont gardées pour juger les "
        "méthodes."
    ),
    "The %(shown)s test image cannot be judged, since no true class is known there.": (
        "La seule image de test (%(shown)s) ne permet pas de juger, car sa vraie classe est "
        "inconnue."
    ),
    "The %(shown)s test images cannot be judged, since no true class is known there.": (
        "Les %(shown)s images de test ne permettent pas de juger, car aucune vraie classe n’y est "
        "connue."
    ),
    "The %(shown)s image of the split val is not used.": (
        "%(shown)s image de la partie val ne sert pas."
    ),
    "The %(shown)s images of the split val are not used.": (
        "Les %(shown)s images de la partie val ne servent pas."
    ),
    "Images of each class": "Images de chaque classe",
    "Labeled in the source": "Étiquetées à la source",
    "Labels given to voisin": "Étiquettes données à voisin",
    "Labeled by voisin": "Étiquetées par voisin",
    "All": "Total",
    "Settings, running times and versions": "Réglages, durées et versions",
    "Settings": "Réglages",
    "Time of each stage": "Durée de chaque étape",
    "Stage": "Étape",
    "Time": "Durée",
    "Result": "Résultat",
    "from the cache": "repris du cache",
    "computed": "calculé",
    "Versions": "Versions",
}


_CHARTS = {
    "%(figure)s of each method with its 95%% interval: %(values)s.": (
        "%(figure)s de chaque méthode avec son intervalle à 95 %% : %(values)s."
    ),
    "Reliability of %(method)s, by bin (images in it): %(bins)s.": (
        "Fiabilité : %(method)s, par tranche (et images qu’elle contient) : %(bins)s."
    ),
    "confidence %(confidence)s, %(right)s right (%(n)s)": (
        "confiance %(confidence)s, %(right)s justes (%(n)s)"
    ),
    "Reliability of %(name)s after calibration, by bin: %(bins)s.": (
        "Fiabilité de %(name)s après calibration, par tranche : %(bins)s."
    ),
    "probability %(stated)s, share of the class %(true)s (%(low)s to %(high)s, labels: %(n)s)": (
        "probabilité %(stated)s, part de la classe %(true)s (de %(low)s à %(high)s, étiquettes : "
        "%(n)s)"
    ),
    "Accuracy of the surest images: %(bins)s.": "Exactitude des images les plus sûres : %(bins)s.",
    "%(share)s of the images %(right)s": "%(share)s des images : %(right)s",
    "Pseudo-labels by round: %(rounds)s.": "Pseudo-étiquettes par tour : %(rounds)s.",
    "round %(number)s added %(n)s": "le tour %(number)s en a ajouté %(n)s",
    "round %(number)s added %(n)s, %(right)s of them correct": (
        "le tour %(number)s en a ajouté %(n)s, dont %(right)s justes"
    ),
    "all images: %(share)s": "toutes les images : %(share)s",
    "Share right": "Part juste",
    "Confidence": "Confiance",
    "before": "avant",
    "after": "après",
    "Probability of the class": "Probabilité de la classe",
    "Share of the class": "Part de la classe",
    "Share of the images kept, surest first": "Part des images gardées, les plus sûres d’abord",
}


_QUESTIONS = {
    "Without scripts, this page only shows the images: write your answers into the column "
    "<code>%(column)s</code> of <code>%(file)s</code>.": (
        "Sans scripts, cette page ne fait que montrer les images : écrivez vos réponses dans la "
        "colonne <code>%(column)s</code> de <code>%(file)s</code>."
    ),
    "Images answered": "Images répondues",
    "Your name (optional)": "Votre nom (facultatif)",
    "Save %(file)s": "Enregistrer %(file)s",
    "Classes": "Classes",
    "Another class": "Une autre classe",
    "Add": "Ajouter",
    "Back": "Retour",
    "Clear": "Effacer",
    "Next": "Suivante",
    "Saved as <code>%(file)s</code>, where your browser saves files. Then: "
    "<code>%(command)s</code>": (
        "Enregistré sous <code>%(file)s</code>, là où votre navigateur enregistre. Puis : "
        "<code>%(command)s</code>"
    ),
    "{done} of {all} answered": "{done} réponses sur {all}",
    "{n} not saved yet": "{n} à enregistrer",
    "All answered: save the file.": "Tout est répondu : enregistrez le fichier.",
    "This browser keeps answers until you save them.": (
        "Ce navigateur garde les réponses jusqu’à ce que vous les enregistriez."
    ),
    "This browser keeps no answers: save before you close the page.": (
        "Ce navigateur ne garde pas les réponses : enregistrez avant de fermer la page."
    ),
    "unsure": "incertain",
    "none of these": "aucune de celles-ci",
    "%(name)s – checks": "%(name)s – vérifications",
    "%(name)s: %(shown)s image to check": "%(name)s : %(shown)s image à vérifier",
    "%(name)s: %(shown)s images to check": "%(name)s : %(shown)s images à vérifier",
    "What is it? Click the class of each image, or press its number, without knowing what voisin "
    "found. You may stop at any image; start at the top. For a certificate, <em>unsure</em> "
    "counts as a wrong label.": (
        "Qu’est-ce que c’est ? Cliquez sur la classe de chaque image, ou tapez son numéro, sans "
        "savoir ce que voisin a trouvé. On peut s’arrêter à n’importe quelle image ; commencez par "
        "le haut. Pour un certificat, <em>incertain</em> compte comme une étiquette fausse."
    ),
}


_OTHER_PAGES = {
    "voisin certificate": "certificat de voisin",
    "%(name)s – certificate": "%(name)s – certificat",
    "%(name)s: %(shown)s label certified": "%(name)s : %(shown)s étiquette certifiée",
    "%(name)s: %(shown)s labels certified": "%(name)s : %(shown)s étiquettes certifiées",
    "%(name)s: nothing certified yet": "%(name)s : rien de certifié pour l’instant",
    "They are listed in <code>certified.csv</code>: all with a confidence of %(least)s or more.": (
        "Elles sont dans <code>certified.csv</code> : toutes d’une confiance de %(least)s ou plus."
    ),
    "%(shown)s image of <code>checks.csv</code> waits for an answer: write the true class into "
    "the column <code>answer</code>, and call <code>voisin certify</code> again.": (
        "%(shown)s image de <code>checks.csv</code> attend une réponse : écrivez la vraie classe "
        "dans la colonne <code>answer</code>, et relancez <code>voisin certify</code>."
    ),
    "%(shown)s images of <code>checks.csv</code> wait for an answer: write the true class into "
    "the column <code>answer</code>, from the top, and call <code>voisin certify</code> again. "
    "One may stop at any row: what is certified stays certified.": (
        "%(shown)s images de <code>checks.csv</code> attendent une réponse : écrivez la vraie "
        "classe dans la colonne <code>answer</code>, à partir du haut, et relancez <code>voisin "
        "certify</code>. On peut s’arrêter à n’importe quelle ligne : ce qui est certifié le reste."
    ),
    "Labels certified": "Étiquettes certifiées",
    "of %(n)s": "sur %(n)s",
    "Images checked": "Images vérifiées",
    "Wrong among them": "Fausses parmi elles",
    "What it will cost": "Ce qu’il en coûtera",
    "Nobody knows beforehand how many labels are wrong. Simulated for three guesses, the same in "
    "every set, and for as many as the confidences say, with at most %(share)s allowed and "
    "%(sure)s confidence:": (
        "Personne ne sait d’avance combien d’étiquettes sont fausses. Simulé pour trois "
        "suppositions, les mêmes dans chaque ensemble, et pour ce qu’en disent les confiances, "
        "avec %(share)s de fausses au plus et une confiance de %(sure)s :"
    ),
    "Checks to expect": "Vérifications à prévoir",
    "If so many labels are wrong": "Si tant d’étiquettes sont fausses",
    "Checks for the first set": "Vérifications pour le premier ensemble",
    "Checks until the end": "Vérifications jusqu’à la fin",
    "Certified at the end": "Certifiées à la fin",
    "%(share)s, as their confidences say": "%(share)s, comme le disent leurs confiances",
    "What was tested": "Ce qui a été testé",
    "The labels that voisin found are put in order, surest first, and cut into nested sets. Each "
    "set is tested, smallest first, up to the first that the checks do not yet certify. The "
    "checks are a random sample of each set; a set is certified when bets against “more than "
    "%(share)s are wrong” have won %(times)s times their stake, which happens with probability "
    "%(risk)s at most if it is true.": (
        "Les étiquettes que voisin a trouvées sont rangées, les plus sûres d’abord, et réparties "
        "en ensembles emboîtés. Chaque ensemble est testé, le plus petit d’abord, jusqu’au premier "
        "que les vérifications ne certifient pas encore. Les vérifications sont un échantillon au "
        "hasard de chaque ensemble ; un ensemble est certifié quand des paris contre « plus de "
        "%(share)s sont fausses » ont gagné %(times)s fois leur mise, ce qui arrive avec une "
        "probabilité de %(risk)s au plus si c’est vrai."
    ),
    "Sets, smallest first": "Ensembles, le plus petit d’abord",
    "The surest": "Les plus sûres",
    "Checked": "Vérifiées",
    "Wrong": "Fausses",
    "Stake won": "Mise gagnée",
    "Certified": "Certifié",
    "yes": "oui",
    "hardly": "guère",
    "not yet": "pas encore",
    "What it means, and what not": "Ce que cela veut dire, et ne veut pas dire",
    "It holds for the set as a whole, not for each class in it: a rare class may be wrong more "
    "often.": (
        "Cela vaut pour l’ensemble entier, non pour chacune de ses classes : une classe rare peut "
        "être plus souvent fausse."
    ),
    "It takes the answers for the truth.": "Les réponses y sont prises pour la vérité.",
    "It holds if the risk target and the random state (%(n)s) were fixed before the first "
    "answer, and nobody tried several.": (
        "Cela vaut si le risque visé et la graine aléatoire (%(n)s) ont été fixés avant la "
        "première réponse, et que personne n’en a essayé plusieurs."
    ),
    "It says nothing of other images, nor of labels that change later. <code>voisin certify "
    "--verify</code> computes it again from <code>labels.parquet</code> and "
    "<code>checks.csv</code>.": (
        "Cela ne dit rien d’autres images, ni d’étiquettes changées plus tard. <code>voisin "
        "certify --verify</code> le recalcule à partir de <code>labels.parquet</code> et de "
        "<code>checks.csv</code>."
    ),
    "Population <code>%(all)s</code>, certified set <code>%(certified)s</code>.": (
        "Population <code>%(all)s</code>, ensemble certifié <code>%(certified)s</code>."
    ),
    "Made by voisin %(version)s.": "Fait par voisin %(version)s.",
    "This page is complete: it fetches nothing and sends nothing.": (
        "Cette page est complète : elle ne charge rien et n’envoie rien."
    ),
    "%(name)s – what to label next": "%(name)s – quoi étiqueter ensuite",
    "%(name)s: %(shown)s image to label next": "%(name)s : %(shown)s image à étiqueter ensuite",
    "%(name)s: %(shown)s images to label next": "%(name)s : %(shown)s images à étiqueter ensuite",
    "Click the class of each image, or press its number; then save the table, and give it to "
    "<code>voisin label</code>.": (
        "Cliquez sur la classe de chaque image, ou tapez son numéro ; puis enregistrez le tableau, "
        "et donnez-le à <code>voisin label</code>."
    ),
    "What the answers would change": "Ce que les réponses changeraient",
    "Chosen by the strategy <code>%(strategy)s</code> from %(n)s images without label; "
    "%(labeled)s are labeled so far.": (
        "Choisies par la stratégie <code>%(strategy)s</code> parmi %(n)s images sans étiquette ; "
        "%(labeled)s sont étiquetées jusqu’ici."
    ),
    "<strong>Answers change little now:</strong> each is expected to change fewer than one label "
    "beside its own. Whether the labels are good enough, the report says.": (
        "<strong>Les réponses changent peu maintenant :</strong> on attend de chacune qu’elle "
        "change moins d’une autre étiquette que la sienne. Si les étiquettes sont assez bonnes, "
        "c’est le rapport qui le dit."
    ),
    "Other labels that the answers are expected to change": (
        "Autres étiquettes que les réponses devraient changer"
    ),
    "%(low)s to %(high)s of %(n)s": "de %(low)s à %(high)s sur %(n)s",
    "Expected change of their mean certainty": "Changement attendu de leur certitude moyenne",
    "The source of the images is not where it was: this page shows their names alone.": (
        "La source des images n’est plus où elle était : cette page n’en montre que les noms."
    ),
    "now <strong>%(name)s</strong>, %(share)s": "à présent <strong>%(name)s</strong>, %(share)s",
    "The forecast labels all images again with answers drawn from the probabilities so far: it "
    "is as good as these are.": (
        "La prévision étiquette à nouveau toutes les images avec des réponses tirées des "
        "probabilités actuelles : elle vaut ce que valent celles-ci."
    ),
    "no picture": "sans image",
    "%(id)s – why": "%(id)s – pourquoi",
    "Why %(id)s is labeled %(name)s": "Pourquoi %(id)s est classée %(name)s",
    "Its likeliest class is <b>%(name)s</b> (%(share)s); the decision of this run gave it "
    "another.": (
        "Sa classe la plus probable est <b>%(name)s</b> (%(share)s) ; la décision lui en a donné "
        "une autre."
    ),
    "Its label was given: <b>%(name)s</b>. Below is what its score is made of, its own label "
    "included.": (
        "Son étiquette était donnée : <b>%(name)s</b>. Ci-dessous, ce dont son score est fait, sa "
        "propre étiquette comprise."
    ),
    "(calibrated: %(share)s)": "(calibré : %(share)s)",
    "<b>%(name)s</b> has %(share)s of its scores%(calibrated)s.": (
        "<b>%(name)s</b> a %(share)s de ses scores%(calibrated)s."
    ),
    "Next comes <b>%(name)s</b> with %(share)s of its scores%(calibrated)s.": (
        "Vient ensuite <b>%(name)s</b>, avec %(share)s de ses scores%(calibrated)s."
    ),
    "No label reaches it along the graph: its label is the classifier's alone.": (
        "Aucune étiquette ne l’atteint par le graphe : son étiquette vient du seul classifieur."
    ),
    "Every score is a sum, and its terms are shown below: once the direct neighbors, once the "
    "labeled images that it comes from through the whole graph. Method: <code>%(method)s</code>.": (
        "Chaque score est une somme, dont les termes sont montrés ci-dessous : d’une part les "
        "voisins directs, d’autre part les images étiquetées d’où il vient à travers tout le "
        "graphe. Méthode : <code>%(method)s</code>."
    ),
    "It is a test image: its score is made of those of its neighbors in the pool.": (
        "C’est une image de test : son score est fait de ceux de ses voisines parmi les images "
        "étiquetées par ce run."
    ),
    "Method: <code>%(method)s</code>.": "Méthode : <code>%(method)s</code>.",
    "The nearest labeled images": "Les images étiquetées les plus proches",
    "No shares of labeled images are known of this score. These are the labeled images of the "
    "class that are most like this one; the numbers are cosine similarities (1 is the highest).": (
        "On ne connaît pas de parts d’images étiquetées dans ce score. Voici les images étiquetées "
        "de la classe qui ressemblent le plus à celle-ci ; les nombres sont des similarités "
        "cosinus (1 est la plus haute)."
    ),
    "No shares of labeled images are known of this score. These are the labeled images of the "
    "class that are most like this one; the numbers are distances.": (
        "On ne connaît pas de parts d’images étiquetées dans ce score. Voici les images étiquetées "
        "de la classe qui ressemblent le plus à celle-ci ; les nombres sont des distances."
    ),
    "These are shares of what speaks for the class; what speaks against it is %(share)s of that.": (
        "Ce sont des parts de ce qui parle pour la classe ; ce qui parle contre elle en fait "
        "%(share)s."
    ),
    "What the classifier goes by": "Ce d’après quoi le classifieur juge",
    "The classifier's score of this image is a sum over the labeled images: how like this one each "
    "is, times how much the classifier learned from it. These raise it most.": (
        "Le score du classifieur pour cette image est une somme sur les images étiquetées : "
        "combien chacune ressemble à celle-ci, fois ce que le classifieur en a appris. Voici "
        "celles qui l’augmentent le plus."
    ),
    "What speaks against the class is %(share)s of what speaks for it.": (
        "Ce qui parle contre la classe fait %(share)s de ce qui parle pour elle."
    ),
    "%(id)s has no evidence": "%(id)s est sans indice",
    "No label reaches it by any path of the graph, so nothing speaks for any class.": (
        "Aucune étiquette ne l’atteint par aucun chemin du graphe : rien ne parle pour aucune "
        "classe."
    ),
    "No pictures: %(why)s.": "Pas d’images : %(why)s.",
    "For %(name)s": "Pour %(name)s",
    "What speaks for %(name)s, the runner-up": "Ce qui parle pour %(name)s, la deuxième",
    "Labeled images that it comes from": "Images étiquetées d’où il vient",
    "%(n)s more labeled image: %(share)s.": "%(n)s autre image étiquetée : %(share)s.",
    "%(n)s more labeled images: %(share)s together.": (
        "%(n)s autres images étiquetées : %(share)s ensemble."
    ),
    "The classifier's probabilities, for this image and others without label: %(share)s.": (
        "Les probabilités du classifieur, pour cette image et d’autres sans étiquette : %(share)s."
    ),
    "The class priors, where no label reaches: %(share)s.": (
        "La fréquence des classes, là où aucune étiquette n’arrive : %(share)s."
    ),
    "A share is what came from a label. Without that label the others would be propagated anew, "
    "so that the score would often fall by less.": (
        "Une part est ce qui est venu d’une étiquette. Sans cette étiquette, les autres seraient "
        "propagées à nouveau, et le score baisserait souvent de moins."
    ),
    "The strongest ways to them": "Les chemins les plus forts vers elles",
    "Path to %(id)s": "Chemin vers %(id)s",
    "The number on an arrow is the part of the neighbor's score that goes over it.": (
        "Le nombre sur une flèche est la part du score du voisin qui y passe."
    ),
    "Direct neighbors": "Voisins directs",
    "no label": "sans étiquette",
    "%(n)s more neighbor: %(share)s.": "%(n)s autre voisin : %(share)s.",
    "%(n)s more neighbors: %(share)s together.": "%(n)s autres voisins : %(share)s ensemble.",
    "The image itself, by its own label: %(share)s.": (
        "L’image elle-même, par sa propre étiquette : %(share)s."
    ),
    "The image itself, by the classifier: %(share)s.": (
        "L’image elle-même, par le classifieur : %(share)s."
    ),
    "Labels that reached it by prior propagation: %(share)s.": (
        "Étiquettes arrivées par une propagation antérieure : %(share)s."
    ),
}

_AUDIT = {
    "%(name)s – what not to believe": "%(name)s – ce qu’il ne faut pas croire",
    "voisin audit": "vérification de voisin",
    "%(name)s: what not to believe": "%(name)s : ce qu’il ne faut pas croire",
    "wrong": "faux",
    "doubtful": "douteux",
    "worth knowing": "bon à savoir",
    "no label given": "aucune étiquette donnée",
    "%(n)s finding. Nothing was changed: it is for you to decide. Every image of a finding is "
    "listed in <code>audit.csv</code>.": (
        "%(n)s constat. Rien n’a été changé : c’est à vous de décider. Toutes les images d’un "
        "constat sont listées dans <code>audit.csv</code>."
    ),
    "%(n)s findings, the most serious first. Nothing was changed: it is for you to decide. Every "
    "image of a finding is listed in <code>audit.csv</code>.": (
        "%(n)s constats, les plus graves d’abord. Rien n’a été changé : c’est à vous de décider. "
        "Toutes les images d’un constat sont listées dans <code>audit.csv</code>."
    ),
    "Nothing suspicious was found among %(n)s images.": (
        "Rien de suspect n’a été trouvé parmi %(n)s images."
    ),
    "What could not be checked": "Ce qui n’a pas pu être vérifié",
    "The first %(shown)s of %(n)s.": "Les %(shown)s premières sur %(n)s.",
    "This page is complete: it fetches nothing and sends nothing.": (
        "Cette page est complète : elle ne charge rien et n’envoie rien."
    ),
}

SENTENCES: Mapping[str, str] = {
    **_AUDIT,
    **_ON_TOP,
    **_PICTURES,
    **_MISTAKES,
    **_NEXT_STEPS,
    **_METHODS,
    **_FIGURES,
    **_TRUST,
    **_ROUNDS,
    **_SOURCE,
    **_CHARTS,
    **_QUESTIONS,
    **_OTHER_PAGES,
}

_AUDIT_NOTES = {
    "%(n)s pairs of near-duplicates on both sides of a split": (
        "%(n)s paires de quasi-doublons des deux côtés d’une séparation"
    ),
    "1 pair of near-duplicates on both sides of a split": (
        "1 paire de quasi-doublons des deux côtés d’une séparation"
    ),
    "%(n)s pairs of near-duplicates with different labels": (
        "%(n)s paires de quasi-doublons aux étiquettes différentes"
    ),
    "1 pair of near-duplicates with different labels": (
        "1 paire de quasi-doublons aux étiquettes différentes"
    ),
    "%(n)s pairs of near-duplicates of a labeled and an unlabeled image": (
        "%(n)s paires de quasi-doublons, l’une des images étiquetée, l’autre non"
    ),
    "1 pair of near-duplicates of a labeled and an unlabeled image": (
        "1 paire de quasi-doublons, l’une des images étiquetée, l’autre non"
    ),
    "%(n)s pairs of near-duplicates": "%(n)s paires de quasi-doublons",
    "1 pair of near-duplicates": "1 paire de quasi-doublons",
    "The test knows these images already, so its figures are too good. Keep both images of a pair "
    "in one split, or take one out.": (
        "Le test connaît déjà ces images : ses chiffres sont trop bons. Gardez les deux images "
        "d’une paire du même côté, ou retirez-en une."
    ),
    "At least one label of each pair is wrong. Look at both.": (
        "Une étiquette au moins de chaque paire est fausse. Regardez les deux."
    ),
    "The other image is easy: figures on unlabeled images are a little too good.": (
        "L’autre image est facile : les chiffres sur les images sans étiquette sont un peu trop "
        "bons."
    ),
    "They count twice in every figure, and labeling both is a waste.": (
        "Elles comptent double dans tous les chiffres, et étiqueter les deux est du travail perdu."
    ),
    "vectors far nearer than usual": "vecteurs bien plus proches que d’habitude",
    "vectors far nearer than usual, nearly the same picture (correlation %(c)s)": (
        "vecteurs bien plus proches que d’habitude, presque la même image (corrélation %(c)s)"
    ),
    "vectors far nearer than usual, nearly the same picture, turned or mirrored (correlation "
    "%(c)s)": (
        "vecteurs bien plus proches que d’habitude, presque la même image, tournée ou retournée "
        "(corrélation %(c)s)"
    ),
    "nearly the same picture (correlation %(c)s)": "presque la même image (corrélation %(c)s)",
    "nearly the same picture, turned or mirrored (correlation %(c)s)": (
        "presque la même image, tournée ou retournée (corrélation %(c)s)"
    ),
    "%(n)s images set apart share a group with an image of the graph": (
        "%(n)s images mises à part sont du même groupe qu’une image du graphe"
    ),
    "The figures on them are too good: read those of the scope without leaks, or split by group.": (
        "Leurs chiffres sont trop bons : lisez ceux des images sans fuite, ou séparez par groupe."
    ),
    "%(n)s unlabeled images share a group with a labeled one": (
        "%(n)s images sans étiquette sont du même groupe qu’une image étiquetée"
    ),
    "They are easier than others: figures on unlabeled images are a little too good.": (
        "Elles sont plus faciles que d’autres : les chiffres sur les images sans étiquette sont un "
        "peu trop bons."
    ),
    "group %(name)s": "groupe %(name)s",
    "%(n)s of %(all)s labels are contradicted": "%(n)s étiquettes sur %(all)s sont contredites",
    "%(n)s of %(all)s labels is contradicted": "%(n)s étiquette sur %(all)s est contredite",
    "Without the label, the graph finds it less probable than guessing at random; the note beside "
    "each image gives the details. Begin with the first images: the label may be wrong, the image "
    "may be untypical, or the vectors may not show what defines the class.": (
        "Sans l’étiquette, le graphe la trouve moins probable que le hasard ; la note de chaque "
        "image donne les détails. Commencez par les premières : l’étiquette peut être fausse, "
        "l’image peu typique, ou les vecteurs peuvent ne pas montrer ce qui fait la classe."
    ),
    "Without the label, the graph and a classifier together find it less probable than guessing at "
    "random; the note beside each image gives the details. Begin with the first images: the label "
    "may be wrong, the image may be untypical, or the vectors may not show what defines the "
    "class.": (
        "Sans l’étiquette, le graphe et un classifieur ensemble la trouvent moins probable que le "
        "hasard ; la note de chaque image donne les détails. Commencez par les premières : "
        "l’étiquette peut être fausse, l’image peu typique, ou les vecteurs peuvent ne pas montrer "
        "ce qui fait la classe."
    ),
    "labeled %(own)s; the graph without it says %(first)s with %(p)s, a classifier without it says "
    "%(second)s with %(q)s, both together %(both)s": (
        "étiquetée %(own)s ; sans elle, le graphe dit %(first)s à %(p)s, un classifieur %(second)s "
        "à %(q)s, les deux ensemble %(both)s"
    ),
    "labeled %(own)s; the graph without it says %(first)s with %(p)s": (
        "étiquetée %(own)s ; sans elle, le graphe dit %(first)s à %(p)s"
    ),
    "labeled %(own)s; a classifier without it says %(first)s with %(p)s": (
        "étiquetée %(own)s ; sans elle, un classifieur dit %(first)s à %(p)s"
    ),
    "%(n)s classes have fewer than %(few)s labels: %(names)s": (
        "%(n)s classes ont moins de %(few)s étiquettes : %(names)s"
    ),
    "1 class has fewer than %(few)s labels: %(names)s": (
        "1 classe a moins de %(few)s étiquettes : %(names)s"
    ),
    "Such a class is found by luck only. Label more of it.": (
        "Une telle classe n’est trouvée que par chance. Étiquetez-en davantage."
    ),
    "The labels of %(n)s classes are scattered: %(names)s": (
        "Les étiquettes de %(n)s classes sont dispersées : %(names)s"
    ),
    "The labels of 1 class are scattered: %(names)s": (
        "Les étiquettes d’une classe sont dispersées : %(names)s"
    ),
    "Less than half of these labels would have been found from the others: the vectors do not tell "
    "the class apart. Try another embedding, or label more.": (
        "Moins de la moitié de ces étiquettes auraient été trouvées d’après les autres : les "
        "vecteurs ne distinguent pas la classe. Essayez une autre représentation, ou étiquetez "
        "davantage."
    ),
    "No label reaches 1 image along the graph, in 1 part of it": (
        "Aucune étiquette n’atteint 1 image le long du graphe, dans 1 partie"
    ),
    "No label reaches %(n)s images along the graph, in 1 part of it": (
        "Aucune étiquette n’atteint %(n)s images le long du graphe, dans 1 partie"
    ),
    "No label reaches %(n)s images along the graph, in %(parts)s parts of it": (
        "Aucune étiquette n’atteint %(n)s images le long du graphe, dans %(parts)s parties"
    ),
    "If they have labels, these are a classifier's alone. Label one image of each large part.": (
        "Si elles ont des étiquettes, ce sont celles d’un classifieur seul. Étiquetez une image de "
        "chaque grande partie."
    ),
    "Their labels are the classifier's alone. Label one image of each large part.": (
        "Leurs étiquettes sont celles du classifieur seul. Étiquetez une image de chaque grande "
        "partie."
    ),
    "They stay without a label. Label one image of each large part.": (
        "Elles restent sans étiquette. Étiquetez une image de chaque grande partie."
    ),
    "alone": "seule",
    "one of %(n)s images": "l’une de %(n)s images",
    "%(n)s images are far from all others": "%(n)s images sont loin de toutes les autres",
    "1 image is far from all others": "1 image est loin de toutes les autres",
    "There is little evidence for their labels: they may be of no known class, damaged, or of "
    "another origin. Look at them before you use their labels.": (
        "Peu d’indices soutiennent leurs étiquettes : elles peuvent n’être d’aucune classe connue, "
        "être abîmées, ou venir d’ailleurs. Regardez-les avant d’utiliser leurs étiquettes."
    ),
    "%(n)s deviations too far": "trop loin de %(n)s écarts",
    "Hubs dominate the graph: 1 %% of the images are %(share)s of all neighbors": (
        "Des pôles dominent le graphe : 1 %% des images font %(share)s de tous les voisins"
    ),
    "The skewness is %(skew)s, above %(most)s: a wrong label on a hub travels far. Check the "
    "labels of hubs, or try another embedding or metric.": (
        "L’asymétrie est de %(skew)s, au-dessus de %(most)s : une étiquette fausse sur un pôle va "
        "loin. Vérifiez les étiquettes des pôles, ou essayez une autre représentation ou distance."
    ),
    "neighbor of %(n)s images": "voisine de %(n)s images",
    "The images are not where they were: pictures were not compared, and none is shown.": (
        "Les images ne sont plus où elles étaient : elles n’ont pas été comparées, et aucune n’est "
        "montrée."
    ),
    "The vectors were learned from the labels, so they support even wrong ones: suspect labels are "
    "found less often. Audit a project with pretrained vectors (--embedding) to find more.": (
        "Les vecteurs ont été appris des étiquettes, et soutiennent donc même les fausses : les "
        "étiquettes suspectes sont moins souvent trouvées. Vérifiez un projet aux vecteurs "
        "préentraînés (--embedding) pour en trouver davantage."
    ),
}

NOTES: Mapping[str, str] = {
    **_AUDIT_NOTES,
    "Nothing is certified yet.": "Rien n’est certifié pour l’instant.",
    "Of the %(certified)s surest of %(n)s labels at most %(error)s %% are wrong, with "
    "%(confidence)s %% confidence.": (
        "Des %(certified)s plus sûres de %(n)s étiquettes, %(error)s %% au plus sont fausses, avec "
        "une confiance de %(confidence)s %%."
    ),
    "no label reaches it": "aucune étiquette ne l’atteint",
    "%(first)s (%(p)s) or %(second)s (%(q)s); only %(n)s labeled of %(name)s and %(m)s labeled "
    "of %(other)s": (
        "%(first)s (%(p)s) ou %(second)s (%(q)s) ; seulement %(n)s étiquetées de %(name)s et %(m)s "
        "de %(other)s"
    ),
    "%(first)s (%(p)s) or %(second)s (%(q)s); only %(n)s labeled of %(name)s": (
        "%(first)s (%(p)s) ou %(second)s (%(q)s) ; seulement %(n)s étiquetées de %(name)s"
    ),
    "%(first)s (%(p)s) or %(second)s (%(q)s)": "%(first)s (%(p)s) ou %(second)s (%(q)s)",
    "far from the labels: closeness below %(closeness)s, where a labeled image has 1": (
        "loin des étiquettes : proximité au-dessous de %(closeness)s, là où une image étiquetée a 1"
    ),
    "far from the labels: closeness %(closeness)s, where a labeled image has 1": (
        "loin des étiquettes : proximité %(closeness)s, là où une image étiquetée a 1"
    ),
    "stands for %(n)s images not covered by a label": (
        "représente %(n)s images qu’aucune étiquette ne couvre"
    ),
    "With other labels of the same number, the mean probability of the labels found, %(mean)s, "
    "has no interval: too few images, or groups of them, are labeled.": (
        "La probabilité moyenne des étiquettes trouvées, %(mean)s, n’a pas d’intervalle : trop peu "
        "d’images, ou de groupes d’images, sont étiquetées."
    ),
    "Too few labels to calibrate by: the rarest class has %(n)s held-out label. The "
    "probabilities are a rough guess.": (
        "Trop peu d’étiquettes pour calibrer : la classe la plus rare en a %(n)s de côté. Les "
        "probabilités ne donnent qu’une idée approximative."
    ),
    "Too few labels to calibrate by: the rarest class has %(n)s held-out labels. The "
    "probabilities are a rough guess.": (
        "Trop peu d’étiquettes pour calibrer : la classe la plus rare en a %(n)s de côté. Les "
        "probabilités ne donnent qu’une idée approximative."
    ),
    "Few labels to calibrate by: the rarest class has %(n)s held-out labels. The probabilities "
    "are uncertain themselves.": (
        "Peu d’étiquettes pour calibrer : la classe la plus rare en a %(n)s de côté. Les "
        "probabilités sont elles-mêmes incertaines."
    ),
    "With other labels of the same number, the mean probability of the labels found, %(mean)s, "
    "could have come out anywhere from %(low)s to %(high)s.": (
        "Avec d’autres étiquettes, en même nombre, la probabilité moyenne des étiquettes trouvées, "
        "%(mean)s, aurait pu se trouver n’importe où entre %(low)s et %(high)s."
    ),
    "How common each class is among all images was estimated from the images themselves; if that "
    "estimate is wrong, so are the probabilities.": (
        "La fréquence de chaque classe parmi les images a été estimée à partir des images mêmes ; "
        "si cette estimation est fausse, les probabilités le sont aussi."
    ),
    "There are too few labels to estimate how common each class is among all images, so all were "
    "taken as equally common.": (
        "Il y a trop peu d’étiquettes pour estimer la fréquence de chaque classe parmi les images "
        ": toutes ont été prises pour aussi fréquentes."
    ),
    "How common each class is among all images was estimated with the help of %(n)s that were "
    "drawn at random and labeled.": (
        "La fréquence de chaque classe parmi les images a été estimée à l’aide de %(n)s d’entre "
        "elles, tirées au hasard et étiquetées."
    ),
    "Of the images drawn at random, %(n)s are labeled: from %(fewest)s on, they tell how common "
    "each class is.": (
        "Parmi les images tirées au hasard, %(n)s sont étiquetées : à partir de %(fewest)s, elles "
        "disent la fréquence de chaque classe."
    ),
    "%(n)s held-out labels were left out: no other label reaches them.": (
        "%(n)s étiquettes mises de côté ont été laissées : aucune autre étiquette ne les atteint."
    ),
    "%(n)s image has no evidence: no label reaches them by any path.": (
        "%(n)s image est sans indice : aucune étiquette ne l’atteint par aucun chemin."
    ),
    "%(n)s images have no evidence: no label reaches them by any path.": (
        "%(n)s images sont sans indice : aucune étiquette ne les atteint par aucun chemin."
    ),
    "The probabilities could not be calibrated: the other labels reach no held-out label. Take "
    "them as a ranking.": (
        "Les probabilités n’ont pas pu être calibrées : les autres étiquettes n’atteignent aucune "
        "étiquette mise de côté. Prenez-les comme un classement."
    ),
    "The probabilities could not be calibrated: no class has two labels of different groups, so "
    "none could be held out. Take them as a ranking.": (
        "Les probabilités n’ont pas pu être calibrées : aucune classe n’a deux étiquettes de "
        "groupes différents, aucune n’a donc pu être mise de côté. Prenez-les comme un classement."
    ),
    "No label reaches 1 image along the graph: its label is the classifier's alone.": (
        "Aucune étiquette n’atteint 1 image par le graphe : son étiquette vient du seul "
        "classifieur."
    ),
    "No label reaches %(n)s images along the graph: their labels are the classifier's alone.": (
        "Aucune étiquette n’atteint %(n)s images par le graphe : leur étiquette vient du seul "
        "classifieur."
    ),
    "Fewer than `labels_per_class=%(wanted)s` labeled images: %(classes)s; all are taken.": (
        "Moins de `labels_per_class=%(wanted)s` images étiquetées : %(classes)s ; toutes sont "
        "prises."
    ),
    "Fewer than `labels_per_class=%(wanted)s` groups of labeled images: %(classes)s; all are "
    "taken.": (
        "Moins de `labels_per_class=%(wanted)s` groupes d’images étiquetées : %(classes)s ; tous "
        "sont pris."
    ),
    "left out %(name)s: %(why)s": "laissée de côté, %(name)s : %(why)s",
    "No image is labeled %(names)s, so no image will get such a label.": (
        "Aucune image n’est étiquetée %(names)s : aucune image ne recevra donc cette étiquette."
    ),
    "Classes differ only by upper and lower case: %(names)s. They stay apart: if they are the "
    "same, write them alike.": (
        "Des classes ne diffèrent que par les majuscules : %(names)s. Elles restent séparées : si "
        "ce sont les mêmes, écrivez-les de la même façon."
    ),
    "All vectors are alike, so that no image is nearer than another and the labels found mean "
    "nothing: look at the images, or pass another embedding.": (
        "Tous les vecteurs sont pareils : aucune image n’est plus proche qu’une autre, et les "
        "étiquettes trouvées ne veulent rien dire. Regardez les images, ou choisissez d’autres "
        "vecteurs (embedding)."
    ),
    "The class priors are uncertain: two ways to estimate them differ by %(share)s of the "
    "images. Label some images drawn at random, or pass the priors if you know them.": (
        "La fréquence des classes est incertaine : deux façons de l’estimer diffèrent de %(share)s "
        "des images. Étiquetez quelques images tirées au hasard, ou donnez les fréquences si vous "
        "les connaissez."
    ),
    "%(n)s labels of %(table)s are of test or val images: not used for learning.": (
        "%(n)s étiquettes de %(table)s sont d’images de test ou de val : elles ne servent pas à "
        "apprendre."
    ),
}
