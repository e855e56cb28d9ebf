"""A right hand-in: convolutions, with filters of shape (1, 3), and the flipped gradient that belongs to them."""

import numpy as np
from scipy import signal

num_of_functions = 3
rng = np.random.default_rng()


def learn_linear(X, Y, batch_size, lamb, iterations, learning_rate):  # noqa: N803
    w = {func_id: rng.normal(size=(4, 1)) for func_id in range(num_of_functions)}
    training_loss = {func_id: np.zeros(iterations) for func_id in range(num_of_functions)}
    test_loss = {func_id: np.zeros(iterations) for func_id in range(num_of_functions)}
    for func_id in range(num_of_functions):
        for t in range(iterations):
            idx = rng.choice(len(X["train"]), batch_size)
            x, y = X["train"][idx], Y[func_id]["train"][idx][:, None]
            p = x @ w[func_id]
            training_loss[func_id][t] = np.mean((p - y) ** 2)
            test_loss[func_id][t] = np.mean((X["test"] @ w[func_id] - Y[func_id]["test"][:, None]) ** 2)
            dl_dw = np.mean(2 * (p - y) * x, axis=0)[:, None] + lamb * w[func_id]
            w[func_id] = w[func_id] - learning_rate * dl_dw
    return w, training_loss, test_loss


def forward(cnn_model, x):
    fwd = {"x": x}
    fwd["o1"] = np.maximum(0, signal.convolve2d(x, cnn_model["w1"], mode="same"))
    fwd["o2"] = np.maximum(0, signal.convolve2d(x, cnn_model["w2"], mode="same"))
    o1, o2 = fwd["o1"], fwd["o2"]
    fwd["m"] = np.vstack([o1[:, :2].max(1), o2[:, :2].max(1), o1[:, 2:].max(1), o2[:, 2:].max(1)])
    fwd["m_argmax"] = np.vstack(
        [o1[:, :2].argmax(1), o2[:, :2].argmax(1), o1[:, 2:].argmax(1) + 2, o2[:, 2:].argmax(1) + 2]
    )
    fwd["p"] = cnn_model["u"].ravel() @ fwd["m"]
    return fwd


def shift(x, steps):
    return np.pad(x, ((0, 0), (1, 1)))[:, 1 + steps : 5 + steps]


def backprop(model, y, fwd, batch_size):
    dl_dp = 2 * (fwd["p"] - y)
    dl_du = (fwd["m"] @ dl_dp / batch_size).reshape(1, 4)
    dl_dw = []
    for o, rows in (("o1", (0, 2)), ("o2", (1, 3))):
        dl_do = np.zeros((batch_size, 4))
        for row in rows:
            dl_do[np.arange(batch_size), fwd["m_argmax"][row]] += dl_dp * model["u"][0, row]
        dl_do *= fwd[o] > 0
        of_filter = [np.sum(dl_do * shift(fwd["x"], 1 - k)) for k in range(3)]
        dl_dw.append(np.reshape(of_filter, model["w1"].shape) / batch_size)
    return dl_dw[0], dl_dw[1], dl_du


def learn_cnn(X, Y, batch_size, lamb, iterations, learning_rate):  # noqa: N803
    training_loss = {func_id: [] for func_id in range(num_of_functions)}
    test_loss = {func_id: [] for func_id in range(num_of_functions)}
    models = {func_id: {} for func_id in range(num_of_functions)}
    for func_id in range(num_of_functions):
        models[func_id]["w1"] = rng.normal(size=(1, 3))
        models[func_id]["w2"] = rng.normal(size=(1, 3))
        models[func_id]["u"] = rng.normal(size=(1, 4))
        for _ in range(iterations):
            idx = rng.choice(len(X["train"]), batch_size)
            x, y = X["train"][idx], Y[func_id]["train"][idx]
            fwd = forward(models[func_id], x)
            dl_dw1, dl_dw2, dl_du = backprop(models[func_id], y, fwd, batch_size)
            training_loss[func_id].append(np.mean((fwd["p"] - y) ** 2))
            test_fwd = forward(models[func_id], X["test"])
            test_loss[func_id].append(np.mean((test_fwd["p"] - Y[func_id]["test"]) ** 2))
            for name, gradient in (("w1", dl_dw1), ("w2", dl_dw2), ("u", dl_du)):
                models[func_id][name] -= learning_rate * (gradient + lamb * models[func_id][name])
    return models, training_loss, test_loss
