"""Deep learning on MNIST: one exercise, carried out and measured.

A command is an experiment, and an experiment is a pure computation with a thin skin. Compute functions take a config
and arrays and return plain results, plot functions turn results into a matplotlib ``Figure``, one module writes files.

A module imports only from the lines above its own (``tests/test_imports.py`` reads this list)::

    errors.py        errors that a user can mend, each with its exit code
    settings.py      what all settings share, and the choice of the images
    config.py        settings of an experiment: frozen, strict models
    structured_config.py  settings of an autoencoder whose plane is asked for structure, too
    robust_config.py  settings of networks that are trained against noise, and of any network
    config_files.py  configs from TOML files and the command line, and back
    memory.py        how much memory there is, and what a network's parameters need
    results.py       what runs and experiments give: frozen dataclasses, to and from JSON
    tables.py        numbers as text
    provenance.py    what a result depends on: config, images, code and package versions, as digests
    backend.py       the one door to TensorFlow and Keras: quiet import, seeds, threads, precision
    storage.py       the only writer: every file atomically
    locks.py         parts of a folder that one process holds
    data/            images: MNIST, other sources, folders of pictures, classes and labels, splits; answers in files
    scratch/         networks written by hand, their gradient check and the theory: NumPy and SciPy alone
    student/         toy networks in files of others: run with few rights, judged, their mistakes named: NumPy alone
    models.py        config -> keras.Model
    schedules.py     learning rates over the gradient steps
    training.py      optimises: the state of a training run, and the loop
    evaluation.py    measures a model on images
    measures/        how good a classifier's answers are, without Keras: scores with intervals, calibration, mistakes
    defences/        robust training inside the compiled step, and certificates
    embedding/       planes of two codes per image (autoencoder, PCA, t-SNE): a loss, neighbours, scores
    measured.py      a training to its end, its curves measured on the way
    runs.py          (config, images) -> (trained model, Run)
    plane_runs.py    the same of an autoencoder, with its weights: for another process
    adversarial/     attacks, what they may ask of a model, and how they are judged
    by_hand/         hand-written networks on images: trained, disturbed, attacked, allowed to reject
    data_care/       training images made rare or mislabelled on purpose, looked at, mended
    sweeps.py        runs with several values of a setting -> their summary
    choices.py       runs with named settings -> what is best, seed by seed
    plots/           results -> Figure: no Keras, no files
    answers/         answers from templates, with every comparison checked
    model_store.py   trained models on disk, found by all that they depend on
    cells/           many runs in parallel processes, none of them twice
    progress.py      progress on stderr
    checkpoints.py   states of trainings on disk, from which a command goes on after a kill
    demo/            a page to play with, and what it asks of the trained models
    experiments/     one short file per command: load, compute, draw, save
    commands/        one file per command: its options

``python cli.py train convnet`` flows through them like this::

    commands.train -> config_files.load -> experiments.train.run -> data.load_dataset -> runs.train_classifier
        [training.advance, evaluation] -> plots.classifiers -> storage -> figures/train-convnet.png + .json
        model_store -> runs/models/convnet-seed0-<identity>/
"""

__version__ = "0.3.0"
