// The update rules of minigrad/optim/rules.py for one number, and a race of one of them. A test compares the numbers.

// Each takes x, dx, the state s, which it changes, and the settings; it returns the new x.
const updateRules = {
  sgd: (x, dx, s, { rate }) => x - rate * dx,

  momentum(x, dx, s, { rate, mu }) {
    s.v = mu * (s.v ?? 0) - rate * dx;
    return x + s.v;
  },

  momentum_pytorch(x, dx, s, { rate, mu, dampening, nesterov }) {
    s.v = s.v === undefined ? dx : mu * s.v + (1 - dampening) * dx;
    return x - rate * (nesterov ? dx + mu * s.v : s.v);
  },

  nesterov(x, dx, s, { rate, mu }) {
    s.v = mu * (s.v ?? 0) - rate * dx;
    s.theta = (s.theta ?? x) + s.v;
    return s.theta + mu * s.v;
  },

  adagrad(x, dx, s, { rate, epsilon }) {
    s.cache = (s.cache ?? 0) + dx * dx;
    return x - rate * dx / (Math.sqrt(s.cache) + epsilon);
  },

  rmsprop(x, dx, s, { rate, decay_rate, epsilon }) {
    s.cache = decay_rate * (s.cache ?? 0) + (1 - decay_rate) * dx * dx;
    return x - rate * dx / (Math.sqrt(s.cache) + epsilon);
  },

  rmsprop_momentum(x, dx, s, { rate, decay_rate, epsilon, mu, centered }) {
    s.cache = decay_rate * (s.cache ?? 0) + (1 - decay_rate) * dx * dx;
    if (centered) s.mean = decay_rate * (s.mean ?? 0) + (1 - decay_rate) * dx;
    const variance = centered ? Math.max(s.cache - s.mean * s.mean, 0) : s.cache;
    const v = mu * (s.v ?? 0) + dx / (Math.sqrt(variance) + epsilon);
    if (mu) s.v = v;
    return x - rate * v;
  },

  adam_incomplete(x, dx, s, { rate, beta1, beta2, epsilon }) {
    moments(s, dx, beta1, beta2);
    return x - rate * s.m / (Math.sqrt(s.v) + epsilon);
  },

  adam(x, dx, s, { rate, beta1, beta2, epsilon }) {
    moments(s, dx, beta1, beta2);
    s.mb = s.m / (1 - beta1 ** s.t);
    s.vb = s.v / (1 - beta2 ** s.t);
    return x - rate * s.mb / (Math.sqrt(s.vb) + epsilon);
  },

  amsgrad(x, dx, s, { rate, beta1, beta2, epsilon }) {
    moments(s, dx, beta1, beta2);
    s.v_max = Math.max(s.v_max ?? 0, s.v);
    const mb = s.m / (1 - beta1 ** s.t), vb = s.v_max / (1 - beta2 ** s.t);
    return x - rate * mb / (Math.sqrt(vb) + epsilon);
  },

  adadelta(x, dx, s, { rate, decay_rate, epsilon }) {
    s.cache = decay_rate * (s.cache ?? 0) + (1 - decay_rate) * dx * dx;
    const step = Math.sqrt(((s.steps ?? 0) + epsilon) / (s.cache + epsilon)) * dx;
    s.steps = decay_rate * (s.steps ?? 0) + (1 - decay_rate) * step * step;
    return x - rate * step;
  },

  adamax(x, dx, s, { rate, beta1, beta2, epsilon }) {
    s.t = (s.t ?? 0) + 1;
    s.m = beta1 * (s.m ?? 0) + (1 - beta1) * dx;
    s.u = Math.max(beta2 * (s.u ?? 0), Math.abs(dx) + epsilon);
    return x - rate * (s.m / (1 - beta1 ** s.t)) / s.u;
  },

  nadam(x, dx, s, { rate, beta1, beta2, epsilon, momentum_decay }) {
    moments(s, dx, beta1, beta2);
    const [mu, next] = [s.t, s.t + 1].map((t) => beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay)));
    s.mu_product = (s.mu_product ?? 1) * mu;
    const mb = next * s.m / (1 - s.mu_product * next) + (1 - mu) * dx / (1 - s.mu_product);
    const vb = s.v / (1 - beta2 ** s.t);
    return x - rate * mb / (Math.sqrt(vb) + epsilon);
  },

  radam(x, dx, s, { rate, beta1, beta2, epsilon }) {
    moments(s, dx, beta1, beta2);
    let mb = s.m / (1 - beta1 ** s.t);
    const largest = 2 / (1 - beta2) - 1, rho = largest - 2 * s.t * beta2 ** s.t / (1 - beta2 ** s.t);
    if (rho > 5) {
      const r = Math.sqrt((rho - 4) * (rho - 2) * largest / ((largest - 4) * (largest - 2) * rho));
      mb = mb * (r * Math.sqrt(1 - beta2 ** s.t)) / (Math.sqrt(s.v) + epsilon);
    }
    return x - rate * mb;
  },

  asgd(x, dx, s, { rate, lambd, alpha, t0 }) {
    s.t = (s.t ?? 0) + 1;
    const eta = s.eta ?? rate, mu = s.mu ?? 1;
    x = (1 - lambd * eta) * x - eta * dx;
    s.ax = mu === 1 ? x : s.ax + mu * (x - s.ax);
    s.eta = rate / (1 + lambd * rate * s.t) ** alpha;
    s.mu = 1 / Math.max(1, s.t - t0);
    return x;
  },

  rprop(x, dx, s, { rate, eta_minus, eta_plus, smallest, largest }) {
    const same = dx * (s.dx ?? 0), step = s.step ?? rate;
    const wanted = same > 0 ? eta_plus * step : same < 0 ? eta_minus * step : step;
    s.step = Math.min(Math.max(wanted, smallest), largest);
    s.dx = same < 0 ? 0 : dx;
    return x - Math.sign(s.dx) * s.step;
  },

  lion(x, dx, s, { rate, beta1, beta2 }) {
    const m = s.m ?? 0;
    s.m = beta2 * m + (1 - beta2) * dx;
    return x - rate * Math.sign(beta1 * m + (1 - beta1) * dx);
  },
};

function moments(s, dx, beta1, beta2) {
  s.t = (s.t ?? 0) + 1;
  s.m = beta1 * (s.m ?? 0) + (1 - beta1) * dx;
  s.v = beta2 * (s.v ?? 0) + (1 - beta2) * (dx * dx);
}

const HIDDEN = new Set(["t", "mu_product", "eta", "mu", "dx"]); // the same for both numbers; and Rprop's last dx

// Run a rule down a surface, a function from (x, y) to [loss, dx, dy]. The record has a row per step; row 0 is the start.
function runRule(surface, rule, settings, { start, steps, view, noise, far }) {
  const middle = [(view[0] + view[1]) / 2, (view[2] + view[3]) / 2], size = (view[1] - view[0] + view[3] - view[2]) / 2;
  const gradient = (x, step) => {
    const [loss, ...dx] = surface(...x);
    return [loss, noise ? dx.map((d, i) => d + noise[2 * step + i]) : dx];
  };
  let x = [...start], [loss, dx] = gradient(x, 0), diverged = null;
  const states = [{}, {}], record = { positions: [x], losses: [loss], vectors: { dx: [dx] } };
  for (let step = 1; step <= steps && diverged === null; step++) {
    x = x.map((value, i) => updateRules[rule](value, dx[i], states[i], settings));
    [loss, dx] = x.every(Number.isFinite) ? gradient(x, step) : [NaN, x];
    const isFinite = Number.isFinite(loss) && dx.every(Number.isFinite);
    const isFar = Math.max(...x.map((value, i) => Math.abs(value - middle[i]))) > far * size;
    if (!isFinite || (isFar && loss > record.losses[0])) diverged = step;
    if (!isFinite) break;
    record.positions.push(x);
    record.losses.push(loss);
    record.vectors.dx.push(dx);
    for (const name of Object.keys(states[0])) {
      if (HIDDEN.has(name)) continue;
      record.vectors[name] ??= [[0, 0]];
      record.vectors[name].push(states.map((state) => state[name]));
    }
  }
  return { ...record, diverged };
}
