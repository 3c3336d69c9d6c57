"""Loops over time, states and iterations, as a student differentiates them by hand."""

from __future__ import annotations

import numpy as np

from ..subjects import labels, positive, subject


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@subject(xs=(4, 3), ys=(4, 2), W=(5, 5), U=(5, 3), b=(5,), V=(2, 5))
def relu_network_of_states(xs, ys, W, U, b, V):
    h = np.ones(5)
    loss = 0.0
    for t in range(4):
        h = np.maximum(0, W @ h + U @ xs[t] + b)
        loss = loss + 0.5 * np.sum((V @ h - ys[t]) ** 2)
    return loss


@relu_network_of_states.backward("""
dh = V.T @ e + dh_next => dh = V.T @ e | time | the gradient of the later steps is forgotten
da = dh * (hs[t + 1] > 0) => da = dh * (hs[t] > 0) | mask | the mask of the old state | old|last|previous|step|pass
da = dh * (hs[t + 1] > 0) => da = dh | mask | relu's mask is missing | mask|relu|maximum|derivative
dW += np.outer(da, hs[t]) => dW += np.outer(hs[t], da) | transposed | the outer product is transposed
dW += np.outer(da, hs[t]) => dW += np.outer(da, hs[t + 1]) | time | the new state for the old one | old|new|previous|pass|step
dU += np.outer(da, xs[t]) => dU = np.outer(da, xs[t]) | overwritten | dU is overwritten
dh_next = W.T @ da => dh_next = W @ da | transposed | W is not transposed on the way back
e = V @ hs[t + 1] - ys[t] => e = 2 * (V @ hs[t + 1] - ys[t]) | factor | twice the gradient: 1/2 is forgotten
e = V @ hs[t + 1] - ys[t] => e = ys[t] - V @ hs[t + 1] | sign | the sign of the error
""")
def _(xs, ys, W, U, b, V):
    hs = [np.ones(5)]
    for t in range(4):
        hs.append(np.maximum(0, W @ hs[-1] + U @ xs[t] + b))
    dW, dU, db, dV = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(V)
    dh_next = np.zeros(5)
    for t in reversed(range(4)):
        e = V @ hs[t + 1] - ys[t]
        dV += np.outer(e, hs[t + 1])
        dh = V.T @ e + dh_next
        da = dh * (hs[t + 1] > 0)
        dW += np.outer(da, hs[t])
        dU += np.outer(da, xs[t])
        db += da
        dh_next = W.T @ da
    return dW, dU, db, dV


@subject(x=(4, 2, 3), Wf=(6, 3), Wo=(6, 3), Wg=(6, 3))
def coupled_lstm(x, Wf, Wo, Wg):
    h, c = np.zeros((2, 3)), np.zeros((2, 3))
    total = 0.0
    for t in range(4):
        z = np.concatenate([h, x[t]], axis=1)
        f = sigmoid(z @ Wf)
        o = sigmoid(z @ Wo)
        g = np.tanh(z @ Wg)
        c = f * c + (1 - f) * g
        h = o * np.tanh(c)
        total = total + np.sum(h * h) / 2
    return total


@coupled_lstm.backward("""
df = dc * (c_old - g) * f * (1 - f) => df = dc * c_old * f * (1 - f) | path | the way of f through 1 - f | 1 - f|path|contribution|missing|left out
df = dc * (c_old - g) * f * (1 - f) => df = dc * (c_old + g) * f * (1 - f) | sign | the sign of 1 - f
df = dc * (c_old - g) * f * (1 - f) => df = dc * (c_new - g) * f * (1 - f) | time | the new cell for the old one | old|new|instead|previous
dg = dc * (1 - f) * (1 - g * g) => dg = dc * f * (1 - g * g) | array | f for 1 - f | instead|1 - f
dc = dh * o * (1 - np.tanh(c_new) ** 2) + dc_next => dc = dh * o * (1 - np.tanh(c_old) ** 2) + dc_next | time | tanh of the old cell | old|previous|instead
dc = dh * o * (1 - np.tanh(c_new) ** 2) + dc_next => dc = dh * o * (1 - np.tanh(c_new) ** 2) | time | the cell's gradient of the next step | cell|`c`|step|contribution
do = dh * np.tanh(c_new) * o * (1 - o) => do = dh * np.tanh(c_old) * o * (1 - o) | time | tanh of the old cell | old|previous|instead
dh_next = dz[:, :3] => dh_next = dz[:, 3:] | index | the columns of the input instead of those of the state | index|column|part|order|`x`|h
dh = hs[t + 1] + dh_next => dh = hs[t] + dh_next | time | the old state in the loss's gradient | old|previous|instead
dc = dh * o * (1 - np.tanh(c_new) ** 2) + dc_next\\n        df = dc * (c_old - g) * f * (1 - f) => dc = dh * o + dc_next\\n        df = dc * (c_old - g) * f | derivative | two mistakes: tanh's derivative and sigmoid's | tanh & 1 - f|derivative
""")
def _(x, Wf, Wo, Wg):
    hs, cs, saved = [np.zeros((2, 3))], [np.zeros((2, 3))], []
    for t in range(4):
        z = np.concatenate([hs[-1], x[t]], axis=1)
        f, o, g = sigmoid(z @ Wf), sigmoid(z @ Wo), np.tanh(z @ Wg)
        cs.append(f * cs[-1] + (1 - f) * g)
        hs.append(o * np.tanh(cs[-1]))
        saved.append((z, f, o, g))
    dWf, dWo, dWg = np.zeros_like(Wf), np.zeros_like(Wo), np.zeros_like(Wg)
    dh_next = dc_next = np.zeros((2, 3))
    for t in range(3, -1, -1):
        z, f, o, g = saved[t]
        c_old, c_new = cs[t], cs[t + 1]
        dh = hs[t + 1] + dh_next
        do = dh * np.tanh(c_new) * o * (1 - o)
        dc = dh * o * (1 - np.tanh(c_new) ** 2) + dc_next
        df = dc * (c_old - g) * f * (1 - f)
        dg = dc * (1 - f) * (1 - g * g)
        dz = df @ Wf.T + do @ Wo.T + dg @ Wg.T
        dWf += z.T @ df
        dWo += z.T @ do
        dWg += z.T @ dg
        dc_next = dc * f
        dh_next = dz[:, :3]
    return dWf, dWo, dWg


@subject(xs=(3, 2), Uf=(4, 2), Wf=(4, 4), Ug=(4, 2), Wg=(4, 4))
def minimal_gated_unit(xs, Uf, Wf, Ug, Wg):
    h = np.array([0.3, -0.2, 0.5, 0.1])
    for x in xs:
        f = sigmoid(Uf @ x + Wf @ h)
        g = np.tanh(Ug @ x + Wg @ (f * h))
        h = (1 - f) * h + f * g
    return h


@minimal_gated_unit.backward("""
df = dh * (g - h) + dq * h => df = dh * (g - h) | path | f's way through f * h | f \\* h|contribution|path|missing|left out
df = dh * (g - h) + dq * h => df = dh * g + dq * h | path | f's way through 1 - f | 1 - f|contribution|path|missing|left out
dh = dh * (1 - f) + dq * f + Wf.T @ df => dh = dh * (1 - f) + Wf.T @ df | path | h's way through f * h | contribution|path|missing|left out
dh = dh * (1 - f) + dq * f + Wf.T @ df => dh = dh * (1 - f) + dq * f | path | h's way through the gate | contribution|path|missing|left out|gate
dh = dh * (1 - f) + dq * f + Wf.T @ df => dh = dh * f + dq * f + Wf.T @ df | array | f for 1 - f | instead|1 - f
dWg += np.outer(dg, f * h) => dWg += np.outer(dg, h) | array | h for f * h | instead|f \\* h|\\bf\\b
df = df * f * (1 - f) => df = df * (1 - f**2) | derivative | tanh's derivative for the sigmoid's
dUf += np.outer(df, xs[t]) => dUf += np.outer(df, xs[t - 1]) | time | the input of another step | step|pass|index|input|previous|roll|shift
""")
def _(dout, xs, Uf, Wf, Ug, Wg):
    h, saved = np.array([0.3, -0.2, 0.5, 0.1]), []
    for x in xs:
        f = sigmoid(Uf @ x + Wf @ h)
        g = np.tanh(Ug @ x + Wg @ (f * h))
        saved.append((h, f, g))
        h = (1 - f) * h + f * g
    dUf, dWf, dUg, dWg = np.zeros_like(Uf), np.zeros_like(Wf), np.zeros_like(Ug), np.zeros_like(Wg)
    dh = dout
    for t in (2, 1, 0):
        h, f, g = saved[t]
        dg = dh * f * (1 - g**2)
        dq = Wg.T @ dg
        df = dh * (g - h) + dq * h
        df = df * f * (1 - f)
        dUg += np.outer(dg, xs[t])
        dWg += np.outer(dg, f * h)
        dUf += np.outer(df, xs[t])
        dWf += np.outer(df, h)
        dh = dh * (1 - f) + dq * f + Wf.T @ df
    return dUf, dWf, dUg, dWg


@subject(H=(4, 3), A=(3, 3), B=(3, 3), v=(3,), W=(3, 3), C=(3, 3))
def additive_attention_decoder(H, A, B, v, W, C):
    s = np.array([0.5, -0.5, 0.2])
    for _ in range(2):
        u = np.tanh(H @ A + s @ B)
        e = np.exp(u @ v)
        a = e / np.sum(e)
        s = np.tanh(s @ W + (a @ H) @ C)
    return s


@additive_attention_decoder.backward("""
de = a * (da - a @ da) => de = a * da | diagonal | only the diagonal of softmax's Jacobian | softmax|diagonal|sum|contribution|denominator
de = a * (da - a @ da) => de = a * (1 - a) * da | diagonal | softmax as a sigmoid | softmax|diagonal|sigmoid|sum|denominator
ds = W @ dz + B @ du.sum(axis=0) => ds = W @ dz | path | the state's way through the scores | contribution|path|missing|left out|score
ds = W @ dz + B @ du.sum(axis=0) => ds = W @ dz + B @ du[-1] | not summed | only the last row | sum|last|row|index
dB += np.outer(s, du.sum(axis=0)) => dB += np.outer(s, du.mean(axis=0)) | mean | the mean over the words
dB += np.outer(s, du.sum(axis=0)) => dB += np.outer(s_new, du.sum(axis=0)) | time | the new state for the old one | old|new|previous|instead
dH += np.outer(a, dcontext) + du @ A.T => dH += du @ A.T | path | the way of H through the weighted mean | contribution|path|missing|left out
dH += np.outer(a, dcontext) + du @ A.T => dH += np.outer(a, dcontext) | path | the way of H through the scores | contribution|path|missing|left out|constant
dv += u.T @ de => dv += u.T @ a | upstream | the probabilities for their gradient | upstream|chain|instead|softmax
du = np.outer(de, v) * (1 - u**2) => du = np.outer(de, v) | derivative | tanh's derivative is missing | tanh|derivative
""")
def _(dout, H, A, B, v, W, C):
    s, saved = np.array([0.5, -0.5, 0.2]), []
    for _ in range(2):
        u = np.tanh(H @ A + s @ B)
        e = np.exp(u @ v)
        a = e / np.sum(e)
        s_new = np.tanh(s @ W + (a @ H) @ C)
        saved.append((s, u, a, s_new))
        s = s_new
    dH, dA, dB, dv, dW, dC = (np.zeros_like(p) for p in (H, A, B, v, W, C))
    ds = dout
    for s, u, a, s_new in saved[::-1]:
        dz = ds * (1 - s_new**2)
        dW += np.outer(s, dz)
        dC += np.outer(a @ H, dz)
        dcontext = C @ dz
        da = H @ dcontext
        de = a * (da - a @ da)
        dv += u.T @ de
        du = np.outer(de, v) * (1 - u**2)
        dA += H.T @ du
        dB += np.outer(s, du.sum(axis=0))
        dH += np.outer(a, dcontext) + du @ A.T
        ds = W @ dz + B @ du.sum(axis=0)
    return dH, dA, dB, dv, dW, dC


@subject(pi=positive(3), T=positive(3, 3), E=positive(3, 4), seen=np.array([1, 0, 3, 0]))
def forward_algorithm(pi, T, E, seen):
    a = pi * E[:, seen[0]]
    for o in seen[1:]:
        a = (a @ T) * E[:, o]
    return np.log(np.sum(a))


@forward_algorithm.backward("""
da = np.ones(3) / alphas[-1].sum() => da = np.ones(3) | derivative | the derivative of log is left out | log|derivative|1 ?/|factor
dT += np.outer(alphas[t - 1], dm) => dT += np.outer(alphas[t], dm) | time | the new alpha for the old one | old|new|previous|instead
dT += np.outer(alphas[t - 1], dm) => dT += np.outer(dm, alphas[t - 1]) | transposed | transposed
dm = da * E[:, seen[t]] => dm = da * E[:, seen[t - 1]] | time | the observation of the step before | step|previous|index|pass|shift|seen
dE[:, seen[t]] += da * (alphas[t - 1] @ T) => dE[:, seen[t]] = da * (alphas[t - 1] @ T) | scatter | set, not added, where an observation comes twice
dE[:, seen[t]] += da * (alphas[t - 1] @ T) => dE[:, seen[t]] += da * alphas[t] | array | alpha for alpha without the emission | instead|E|factor
dE[:, seen[0]] += da * pi =>  | path | the first observation is left out | first|missing|path|contribution|left out
da = T @ dm => da = T.T @ dm | transposed | T.T for T
""")
def _(pi, T, E, seen):
    alphas = [pi * E[:, seen[0]]]
    for o in seen[1:]:
        alphas.append((alphas[-1] @ T) * E[:, o])
    dT, dE = np.zeros_like(T), np.zeros_like(E)
    da = np.ones(3) / alphas[-1].sum()
    for t in (3, 2, 1):
        dm = da * E[:, seen[t]]
        dE[:, seen[t]] += da * (alphas[t - 1] @ T)
        dT += np.outer(alphas[t - 1], dm)
        da = T @ dm
    dE[:, seen[0]] += da * pi
    dpi = da * E[:, seen[0]]
    return dpi, dT, dE


@subject(x=(5, 2), A=positive(2, 3), delta=positive(5, 2), B=(5, 3), C=(5, 3))
def selective_scan(x, A, delta, B, C):
    h = np.zeros((2, 3))
    ys = []
    for t in range(5):
        decay = np.exp(-delta[t][:, None] * A)
        h = decay * h + (delta[t] * x[t])[:, None] * B[t]
        ys.append(h @ C[t])
    return np.stack(ys)


@selective_scan.backward("""
dh = dh + np.outer(dout[t], C[t]) => dh = np.outer(dout[t], C[t]) | time | only this step's output
dA += ddecay * decay * -delta[t][:, None] => dA += ddecay * -delta[t][:, None] | factor | the derivative of exp is left out | exp|decay|derivative|factor
dA += ddecay * decay * -delta[t][:, None] => dA += ddecay * decay * delta[t][:, None] | sign | the minus of the exponent
ddecay = dh * hs[t] => ddecay = dh * hs[t + 1] | time | the new state | old|new|previous|instead
ddelta[t] = np.sum(ddecay * decay * -A, axis=1) + (dh @ B[t]) * x[t] => ddelta[t] = (dh @ B[t]) * x[t] | path | delta's way through the decay | contribution|path|decay|missing|left out|exp
ddelta[t] = np.sum(ddecay * decay * -A, axis=1) + (dh @ B[t]) * x[t] => ddelta[t] = np.sum(ddecay * decay * -A, axis=1) | path | delta's way through the input | contribution|path|missing|left out
dB[t] = (delta[t] * x[t]) @ dh => dB[t] = x[t] @ dh | factor | delta is left out | delta|factor
dC[t] = dout[t] @ hs[t + 1] => dC[t] = dout[t] @ hs[t] | time | the old state | old|new|previous|instead
dh = decay * dh => dh = A * dh | array | A for exp(-delta A) | instead|exp|decay
dx[t] = delta[t] * (dh @ B[t]) => dx[t] = delta[t] * (dh @ C[t]) | array | C for B | instead
""")
def _(dout, x, A, delta, B, C):
    hs, decays = [np.zeros((2, 3))], []
    for t in range(5):
        decays.append(np.exp(-delta[t][:, None] * A))
        hs.append(decays[-1] * hs[-1] + (delta[t] * x[t])[:, None] * B[t])
    dx, dA, ddelta, dB, dC = (np.zeros_like(p) for p in (x, A, delta, B, C))
    dh = np.zeros((2, 3))
    for t in range(4, -1, -1):
        decay = decays[t]
        dC[t] = dout[t] @ hs[t + 1]
        dh = dh + np.outer(dout[t], C[t])
        ddecay = dh * hs[t]
        dA += ddecay * decay * -delta[t][:, None]
        ddelta[t] = np.sum(ddecay * decay * -A, axis=1) + (dh @ B[t]) * x[t]
        dB[t] = (delta[t] * x[t]) @ dh
        dx[t] = delta[t] * (dh @ B[t])
        dh = decay * dh
    return dx, dA, ddelta, dB, dC


@subject(cost=positive(3, 4), gamma=0.5)
def soft_dtw(cost, gamma):
    n, m = cost.shape
    D = {(0, 0): cost[0, 0]}
    for i in range(n):
        for j in range(m):
            if i + j:
                ways = [D[p] for p in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if p in D]
                D[i, j] = cost[i, j] - gamma * np.log(sum(np.exp(-d / gamma) for d in ways))
    return D[n - 1, m - 1]


@soft_dtw.backward("""
R[p] += R[i, j] * np.exp(-D[p] / gamma) / Z => R[p] = R[i, j] * np.exp(-D[p] / gamma) / Z | overwritten | the gradient of a cell is overwritten
R[p] += R[i, j] * np.exp(-D[p] / gamma) / Z => R[p] += R[i, j] * np.exp(-D[p] / gamma) / Z / gamma | factor | a 1/gamma too many
R[p] += R[i, j] * np.exp(-D[p] / gamma) / Z => R[p] += R[i, j] * np.exp(-D[p]) / sum(np.exp(-D[q]) for q in ways) | factor | gamma is left out of the weights | gamma|0\\.5|temperature
R[p] += R[i, j] * np.exp(-D[p] / gamma) / Z => R[p] += R[i, j] / len(ways) | mean | the same weight for each way | mean|same|uniform|softm|weight|1/3
""")
def _(cost, gamma):
    n, m = cost.shape
    D = {(0, 0): cost[0, 0]}
    for i in range(n):
        for j in range(m):
            if i + j:
                ways = [D[p] for p in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if p in D]
                D[i, j] = cost[i, j] - gamma * np.log(sum(np.exp(-d / gamma) for d in ways))
    R = np.zeros_like(cost)
    R[n - 1, m - 1] = 1
    for i in range(n - 1, -1, -1):
        for j in range(m - 1, -1, -1):
            ways = [p for p in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if p in D]
            if ways:
                Z = sum(np.exp(-D[p] / gamma) for p in ways)
                for p in ways:
                    R[p] += R[i, j] * np.exp(-D[p] / gamma) / Z
    dcost = R
    return dcost


@subject(z0=(3,), F=(3, 3), G=(3, 2), H=(2, 3), u=(4, 2), y=(4, 2))
def linear_system(z0, F, G, H, u, y):
    z, loss = z0, 0.0
    for t in range(4):
        z = F @ z + G @ u[t]
        loss = loss + np.mean((H @ z - y[t]) ** 2)
    return loss / 4


@linear_system.backward("""
dz = F.T @ dz + H.T @ e => dz = dz + H.T @ e | path | F is left out on the way back | F|contribution|skip|identity|missing
dz = F.T @ dz + H.T @ e => dz = F @ dz + H.T @ e | transposed | F is not transposed
e = 2 * (H @ zs[t + 1] - y[t]) / 2 / 4 => e = 2 * (H @ zs[t + 1] - y[t]) / 4 | mean | the 1/2 of the mean over the outputs
e = 2 * (H @ zs[t + 1] - y[t]) / 2 / 4 => e = 2 * (H @ zs[t + 1] - y[t - 1]) / 2 / 4 | time | the target of another step | step|previous|target|index|pass|shift|roll
dF += np.outer(dz, zs[t]) => dF += np.outer(dz, zs[0]) | time | always the first state | first|z0|step|pass
dH += np.outer(e, zs[t + 1]) => dH += np.outer(e, zs[t]) | time | the old state | old|new|previous|instead
e = 2 * (H @ zs[t + 1] - y[t]) / 2 / 4 => e = (H @ zs[t + 1] - y[t]) / 4 * (t == 3) | time | only the last loss | last|step|time|loss
dG += np.outer(dz, u[t]) => dG = np.outer(dz, u[t]) | overwritten | dG is overwritten
""")
def _(z0, F, G, H, u, y):
    zs = [z0]
    for t in range(4):
        zs.append(F @ zs[-1] + G @ u[t])
    dF, dG, dH = np.zeros_like(F), np.zeros_like(G), np.zeros_like(H)
    dz = np.zeros(3)
    for t in (3, 2, 1, 0):
        e = 2 * (H @ zs[t + 1] - y[t]) / 2 / 4
        dH += np.outer(e, zs[t + 1])
        dz = F.T @ dz + H.T @ e
        dF += np.outer(dz, zs[t])
        dG += np.outer(dz, u[t])
    dz0 = F.T @ dz
    return dz0, dF, dG, dH


@subject(x=(3, 4), W=(4, 4), b=(4,))
def shared_layer_three_times(x, W, b):
    h = x
    for _ in range(3):
        h = h + np.maximum(0, h @ W + b)
    return np.sum(h**2) / 3


@shared_layer_three_times.backward("""
dW += hs[k].T @ da => dW = hs[k].T @ da | overwritten | dW is overwritten
dW += hs[k].T @ da => dW += hs[k + 1].T @ da | array | the output of the block for its input | instead|after|old|new|pass
dh = dh + da @ W.T => dh = da @ W.T | path | the way past the layer | contribution|skip|residual|path|identity|missing|left out
da = dh * (hs[k] @ W + b > 0) => da = dh * (hs[k + 1] > 0) | mask | the mask of the sum for relu's | mask|relu|maximum|instead
da = dh * (hs[k] @ W + b > 0) => da = dh * (hs[k] > 0) | mask | the mask of the input for relu's | mask|relu|maximum|instead
dh = 2 * hs[3] / 3 => dh = 2 * hs[3] / 12 | mean | the number of elements for the number of rows
dh = dh + da @ W.T => dh = dh + da @ W | transposed | not transposed
""")
def _(x, W, b):
    hs = [x]
    for _ in range(3):
        hs.append(hs[-1] + np.maximum(0, hs[-1] @ W + b))
    dW, db = np.zeros_like(W), np.zeros_like(b)
    dh = 2 * hs[3] / 3
    for k in (2, 1, 0):
        da = dh * (hs[k] @ W + b > 0)
        dW += hs[k].T @ da
        db += da.sum(axis=0)
        dh = dh + da @ W.T
    dx = dh
    return dx, dW, db


@subject(logits=(5, 3), actions=labels(5, 3), rewards=(5,), values=(5,), beta=0.1)
def policy_gradient(logits, actions, rewards, values, beta):
    returns = []
    running = 0.0
    for r in rewards[::-1]:
        running = r + 0.9 * running
        returns.append(running)
    advantage = np.array(returns[::-1]) - values
    logp = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
    p = np.exp(logp)
    chosen = logp[np.arange(5), actions]
    entropy = -np.sum(p * logp, axis=1)
    return -np.mean(chosen * advantage) - beta * np.mean(entropy)


@policy_gradient.backward("""
dlogits = (p - onehot) * advantage[:, None] / 5 => dlogits = (onehot - p) * advantage[:, None] / 5 | sign | ascent: the sign of the policy's term
dlogits = (p - onehot) * advantage[:, None] / 5 => dlogits = (p - onehot) * G[:, None] / 5 | array | the return for the advantage | baseline|values|return|instead|contribution|missing
dlogits = (p - onehot) * advantage[:, None] / 5 => dlogits = (p - onehot) * rewards[:, None] / 5 | array | the reward for the advantage | instead|reward
dlogits = (p - onehot) * advantage[:, None] / 5 => dlogits = (p - onehot) * advantage[:, None] | mean | no 1/N
dlogits = (p - onehot) * advantage[:, None] / 5 => dlogits = -onehot * advantage[:, None] / 5 | path | the normalizer of log softmax | softmax|log|sum|contribution|path|missing|constant|denominator
dlogits += beta * p * (logp + H[:, None]) / 5 => dlogits += 0 | penalty | the entropy bonus is forgotten | entrop|contribution|missing|beta|left out
dlogits += beta * p * (logp + H[:, None]) / 5 => dlogits += p * (logp + H[:, None]) / 5 | factor | beta is forgotten
dlogits += beta * p * (logp + H[:, None]) / 5 => dlogits += beta * p * (logp + 1) / 5 | diagonal | softmax's mean is left out in the entropy | softmax|diagonal|contribution|sum|constant
dlogits += beta * p * (logp + H[:, None]) / 5 => dlogits -= beta * p * (logp + H[:, None]) / 5 | sign | the sign of the entropy bonus
""")
def _(logits, actions, rewards, values, beta):
    G, running = np.zeros(5), 0.0
    for t in range(4, -1, -1):
        running = rewards[t] + 0.9 * running
        G[t] = running
    advantage = G - values
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    logp = np.log(p)
    onehot = np.eye(3)[actions]
    H = -np.sum(p * logp, axis=1)
    dlogits = (p - onehot) * advantage[:, None] / 5
    dlogits += beta * p * (logp + H[:, None]) / 5
    return dlogits
