"""Deep learning on MNIST: one exercise, carried out and measured.

A command is an experiment; an experiment is a pure computation with a thin skin. Compute functions take a config and
arrays and return plain results, plot functions turn results into a matplotlib ``Figure``, one module writes files, and
``cli.py`` parses, calls one experiment and prints what it wrote.

Modules import from the ones above them only (``tests/test_imports.py`` holds them to it)::

    errors.py        what can go wrong, each with its exit code
    config.py        what an experiment depends on: frozen, strict models
    config_files.py  configs from TOML and the command line, and back; errors that name the key
    results.py       what a run gives: frozen dataclasses, to and from plain JSON
    backend.py       the one door to TensorFlow and Keras: quiet import, seeds, threads, precision
    image_files.py   IDX and .npz files, read without trusting them
    data.py          Dataset, Split, load_dataset(): sources, checks and splits of the images
    scratch/         everything written by hand: imports NumPy alone
    tables.py        numbers as text
    sweeps.py        what a sweep's runs say: the best value, and fair comparisons
    embedding.py     codes in the plane, and how much structure they keep
    attacks.py       one plain function per attack, NumPy alone
    theory.py        what the theory answers claim, checked numerically
    claims.py        comparisons that heed the spread over seeds
    models.py        config -> keras.Model
    training.py      (config, data set) -> (model, Run): the only place that optimises
    gradients.py     what an attack may ask of a Keras model
    robustness.py    how attacks are judged, and a check of the evaluation
    report.py        answers from templates and the figures' twins
    planes.py        what is scored and shown of an autoencoder and of PCA
    plots/           results -> Figure: no Keras, no files
    storage.py       the only writer: figures/, runs/; every file atomically
    cells.py         many runs in parallel processes, none of them twice
    progress.py      what a person sees on stderr while models train
    experiments/     one short file per command

``python cli.py train convnet`` flows through them like this::

    cli -> config_files.load -> experiments.train.run -> data.load_dataset -> training.train_classifier -> (model, Run)
        -> plots.classifiers -> storage -> figures/train-convnet.png + .json, runs/train-convnet/

and ``python cli.py report`` like this::

    cli -> experiments.report.run -> report.render: docs/answers + figures/*.json -> storage -> Answers.md
"""

__version__ = "0.2.0"
