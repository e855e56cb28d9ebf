"""Speed of the hand-written toy convnet: model-iterations per second, all sides in one run.

    pip install -r benchmarks/requirements.txt
    python benchmarks/toy_speed.py                   # about a minute

A model-iteration is one model's batch of 32 forward, backward and updated, and its test loss over 200 samples, as the
exercise records it. Everything is float64. The sides: a per-sample Python loop, as a student would write it first; this
package with one model at a time; this package with 3 targets x 32 seeds at once; and, at once as well, the same step in
JAX, compiled, with ``vmap`` over the models and ``scan`` over the iterations, its compile time left out.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from ex3.scratch.targets import TARGETS, Samples, draw
from ex3.scratch.toy import fit, initial_network

SEEDS = list(range(32))
BATCH, RATE, L2 = 32, 0.01, 0.0
REPEATS = 5


def forward(w: list, u: list, x: list) -> tuple[list, list, list, float]:
    """Return the filters' outputs, the pooled ones, where each of these came from, and the prediction."""
    z, m, winner = [], [], []
    for f in range(2):
        row = []
        for i in range(4):
            total = 0.0
            for k in range(3):
                if 0 <= i + k - 1 < 4:
                    total += w[f][k] * x[i + k - 1]
            row.append(total)
        z.append(row)
        for j in range(2):
            best = 2 * j if max(row[2 * j], 0.0) >= max(row[2 * j + 1], 0.0) else 2 * j + 1
            winner.append((f, best))
            m.append(max(row[best], 0.0))
    return z, m, winner, sum(u[j] * m[j] for j in range(4))


def gradients(w: list, u: list, xs: list, ys: list) -> tuple[list, list]:
    """Return the gradients of the mean loss of a batch by ``w`` and by ``u``."""
    dw = [[0.0] * 3, [0.0] * 3]
    du = [0.0] * 4
    for x, y in zip(xs, ys, strict=True):
        z, m, winner, p = forward(w, u, x)
        dp = 2 * (p - y) / len(xs)
        for j in range(4):
            du[j] += dp * m[j]
            f, i = winner[j]
            if z[f][i] > 0:
                for k in range(3):
                    if 0 <= i + k - 1 < 4:
                        dw[f][k] += dp * u[j] * x[i + k - 1]
    return dw, du


def plain_python(samples: Samples, iterations: int) -> np.ndarray:
    """Fit the first model, sample by sample, index by index; return its test losses."""
    network = initial_network("convnet", "normal", SEEDS[:1])
    w, u = (parameter.value[0].tolist() for parameter in network.parameters)
    u = u[0]
    x_train, y_train = samples.x_train[0].tolist(), samples.y_train[0, :, 0].tolist()
    x_test, y_test = samples.x_test[0].tolist(), samples.y_test[0, :, 0].tolist()
    losses = []
    for rows, rate in zip(batches(len(x_train), iterations).tolist(), rates(iterations).tolist(), strict=True):
        dw, du = gradients(w, u, [x_train[row] for row in rows], [y_train[row] for row in rows])
        for j in range(4):
            u[j] -= rate * (du[j] + L2 * u[j])
        for f in range(2):
            for k in range(3):
                w[f][k] -= rate * (dw[f][k] + L2 * w[f][k])
        errors = [(forward(w, u, x)[3] - y) ** 2 for x, y in zip(x_test, y_test, strict=True)]
        losses.append(sum(errors) / len(errors))
    return np.array(losses)


def batches(count: int, iterations: int) -> np.ndarray:
    """Return the rows of each iteration's batch, ``(iterations, BATCH)``; each epoch has another order."""
    order, indices, rows = np.random.default_rng(0), np.arange(count), []
    steps = count // BATCH
    for iteration in range(iterations):
        if iteration % steps == 0:
            indices = indices[order.permutation(count)]
        rows.append(indices[iteration % steps * BATCH :][:BATCH])
    return np.array(rows)


def rates(iterations: int) -> np.ndarray:
    """Return each iteration's learning rate, which falls linearly."""
    return RATE * (1 - np.arange(iterations) / iterations)


def package(samples: Samples, iterations: int) -> np.ndarray:
    """Fit all models of the samples at once; return their test losses ``(iterations, M)``."""
    seeds = (SEEDS * len(TARGETS))[: len(samples.x_train)]
    settings = {
        "iterations": iterations,
        "batch_size": BATCH,
        "learning_rate": RATE,
        "l2": L2,
        "seed": 0,
    }
    return fit("convnet", "normal", seeds, samples, **settings).test_loss


def build_jax(samples: Samples, iterations: int) -> Callable[[], np.ndarray]:
    """Return a compiled function that does the same as ``package``."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax import numpy as jnp

    seeds = (SEEDS * len(TARGETS))[: len(samples.x_train)]
    start = [jnp.array(parameter.value) for parameter in initial_network("convnet", "normal", seeds).parameters]
    schedule = jnp.array(batches(samples.x_train.shape[1], iterations)), jnp.array(rates(iterations))
    x_train, x_test = jnp.array(samples.x_train), jnp.array(samples.x_test)  # (M, N, 4)
    y_train, y_test = jnp.array(samples.y_train[..., 0]), jnp.array(samples.y_test[..., 0])

    def mean_loss(parameters, x, y):
        w, u = parameters
        padded = jnp.pad(x, ((0, 0), (1, 1)))
        z = sum(w[:, k, None] * padded[:, None, k : k + 4] for k in range(3))  # (B, 2, 4)
        m = jnp.maximum(z, 0).reshape(-1, 2, 2, 2).max(axis=-1).reshape(-1, 4)
        return jnp.mean((m @ u[0] - y) ** 2)

    def step_of_one(parameters, x, y, x_test, y_test, rate):
        gradients = jax.grad(mean_loss)(parameters, x, y)
        parameters = [p - rate * (g + L2 * p) for p, g in zip(parameters, gradients, strict=True)]
        return parameters, mean_loss(parameters, x_test, y_test)

    step_of_all = jax.vmap(step_of_one, in_axes=(0, 0, 0, 0, 0, None))

    @jax.jit
    def run(parameters):
        def scan_step(parameters, batch_and_rate):
            batch, rate = batch_and_rate
            return step_of_all(parameters, x_train[:, batch], y_train[:, batch], x_test, y_test, rate)

        return jax.lax.scan(scan_step, parameters, schedule)[1]

    return lambda: np.asarray(run(start))


def speed(run: Callable[[], np.ndarray], model_iterations: int) -> float:
    """Return model-iterations per second, the best of some repeats after a first one that warms up."""
    run()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return model_iterations / min(seconds)


def main() -> None:
    """Check that all sides compute the same, time them, and print the table."""
    everything = draw(list(TARGETS), SEEDS)
    one = draw(list(TARGETS)[:1], SEEDS[:1])
    np.testing.assert_allclose(plain_python(one, 40), package(one, 40)[:, 0], rtol=1e-9)
    speeds = {
        "per-sample Python loop, one model": speed(lambda: plain_python(one, 20), 20),
        "this package, one model": speed(lambda: package(one, 2000), 2000),
        "this package, 96 models at once": speed(lambda: package(everything, 500), 96 * 500),
    }
    try:
        compiled = build_jax(everything, 500)
        np.testing.assert_allclose(compiled(), package(everything, 500), rtol=1e-6)
        speeds["JAX, jit + scan + vmap, 96 models at once"] = speed(compiled, 96 * 500)
    except ImportError:
        print("JAX is not installed: pip install -r benchmarks/requirements.txt", file=sys.stderr)
    slowest = min(speeds.values())
    print("| side | model-iterations/s | times the loop |")
    print("| --- | --- | --- |")
    for name, value in speeds.items():
        print(f"| {name} | {value:,.0f} | {value / slowest:.0f} |")


if __name__ == "__main__":
    main()
