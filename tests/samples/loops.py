"""A right hand-in: loops over the samples; m is (4, batch); ``backprop`` takes lambda and adds the l2 term."""

import random

import matplotlib.pyplot as plt
import numpy as np

plt.plot([0, 1], [1, 0])
plt.show()


def loss_of(p, y, lamb, *parameters):
    return np.mean((p - y) ** 2) + lamb / 2 * sum(np.sum(w**2) for w in parameters)


def learn_linear(X, Y, batch_size, lamb, iterations, learning_rate):  # noqa: N803
    training_loss, test_loss, w = {0: [], 1: [], 2: []}, {0: [], 1: [], 2: []}, {}
    for i in range(3):
        w[i] = np.array([random.gauss(0, 1) for _ in range(4)])
        for _ in range(iterations):
            rows = [random.randrange(len(X["train"])) for _ in range(batch_size)]
            gradient = lamb * w[i]
            for row in rows:
                gradient += 2 * (w[i] @ X["train"][row] - Y[i]["train"][row]) * X["train"][row] / batch_size
            training_loss[i].append(loss_of(X["train"][rows] @ w[i], Y[i]["train"][rows], lamb, w[i]))
            test_loss[i].append(loss_of(X["test"] @ w[i], Y[i]["test"], lamb, w[i]))
            w[i] -= learning_rate * gradient
    return w, training_loss, test_loss


def forward(cnn_model, x):
    count = len(x)
    fwd = {"x": x, "o1": np.zeros((count, 4)), "o2": np.zeros((count, 4))}
    fwd["m"], fwd["m_argmax"] = np.zeros((4, count)), np.zeros((4, count), int)
    for b in range(count):
        padded = [0, *x[b], 0]
        for o, w in (("o1", "w1"), ("o2", "w2")):
            for i in range(4):
                fwd[o][b, i] = max(0, sum(cnn_model[w][k] * padded[i + k] for k in range(3)))
        for j in range(4):
            o, start = fwd["o1" if j < 2 else "o2"][b], 2 * (j % 2)
            place = start if o[start] >= o[start + 1] else start + 1
            fwd["m"][j, b], fwd["m_argmax"][j, b] = o[place], place
    fwd["p"] = np.dot(cnn_model["u"], fwd["m"])
    return fwd


def backprop(model, y, fwd, batch_size, lamb):
    dl_dw1, dl_dw2, dl_du = np.zeros(3), np.zeros(3), np.zeros(4)
    for b in range(batch_size):
        dl_dp = 2 * (fwd["p"][b] - y[b])
        padded = np.array([0, *fwd["x"][b], 0])
        for j in range(4):
            dl_du[j] += dl_dp * fwd["m"][j, b]
            place = fwd["m_argmax"][j, b]
            o, gradient = (fwd["o1"], dl_dw1) if j < 2 else (fwd["o2"], dl_dw2)
            if o[b, place] > 0:
                gradient += dl_dp * model["u"][j] * padded[place : place + 3]
    dl_dw1 = dl_dw1 / batch_size + lamb * model["w1"]
    dl_dw2 = dl_dw2 / batch_size + lamb * model["w2"]
    dl_du = dl_du / batch_size + lamb * model["u"]
    return dl_dw1, dl_dw2, dl_du


def learn_cnn(X, Y, batch_size, lamb, iterations, learning_rate):  # noqa: N803
    training_loss, test_loss, models = {0: [], 1: [], 2: []}, {0: [], 1: [], 2: []}, {}
    for i in range(3):
        models[i] = {"w1": np.random.rand(3), "w2": np.random.rand(3) - 1, "u": np.random.rand(4)}  # noqa: NPY002
        for _ in range(iterations):
            rows = [random.randrange(len(X["train"])) for _ in range(batch_size)]
            x, y = X["train"][rows], Y[i]["train"][rows]
            fwd = forward(models[i], x)
            dl_dw1, dl_dw2, dl_du = backprop(models[i], y, fwd, batch_size, lamb)
            training_loss[i].append(loss_of(fwd["p"], y, lamb, *models[i].values()))
            p = forward(models[i], X["test"])["p"]
            test_loss[i].append(loss_of(p, Y[i]["test"], lamb, *models[i].values()))
            models[i]["w1"] -= learning_rate * dl_dw1
            models[i]["w2"] -= learning_rate * dl_dw2
            models[i]["u"] -= learning_rate * dl_du
    return models, training_loss, test_loss


if __name__ == "__main__":
    raise SystemExit("this is not run")
