"""Settings of every framework: each rule, decay and schedule that has one, as a user writes it.

`weightdecay translate --all` translates each of them to every framework.
"""

from __future__ import annotations

NOT_DECAYED = {
    "torch": '[{"params": weights}, {"params": biases, "weight_decay": 0}]',
    "mxnet": 'net.collect_params(".*bias").setattr("wd_mult", 0.0)\n',
}

TORCH = (
    "torch.optim.SGD(lr=0.1)",
    "torch.optim.SGD(lr=0.1, weight_decay=1e-2)",
    f"torch.optim.SGD({NOT_DECAYED['torch']}, lr=0.1, weight_decay=1e-2)",
    "torch.optim.SGD(lr=0.1, momentum=0.9)",
    "torch.optim.SGD(lr=0.1, momentum=0.9, weight_decay=5 * 1e-3)",
    "torch.optim.SGD(lr=0.1, momentum=0.9, dampening=0.5, weight_decay=1e-2)",
    "torch.optim.SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-2)",
    f"torch.optim.SGD({NOT_DECAYED['torch']}, lr=0.1, momentum=0.9, nesterov=True, "
    "weight_decay=1e-2)",
    "torch.optim.Adam()",
    "torch.optim.Adam(lr=0.01, weight_decay=1e-2)",
    "torch.optim.Adam(lr=0.01, weight_decay=1e-2, amsgrad=True)",
    "torch.optim.AdamW()",
    f"torch.optim.AdamW({NOT_DECAYED['torch']}, lr=0.01, weight_decay=0.1)",
    "torch.optim.NAdam(weight_decay=1e-2)",
    "torch.optim.NAdam(weight_decay=1e-2, momentum_decay=1.0, decoupled_weight_decay=True)",
    "torch.optim.RMSprop()",
    "torch.optim.RMSprop(weight_decay=1e-2, centered=True, momentum=0.9)",
    "torch.optim.RMSprop(weight_decay=1e-2, momentum=0.5)",
    "torch.optim.Adagrad(weight_decay=1e-2)",
    "torch.optim.Adagrad(lr_decay=0.1, initial_accumulator_value=0.1, eps=1e-7)",
    "torch.optim.Adadelta(weight_decay=1e-2)",
    "torch.optim.Adamax(weight_decay=1e-2)",
    "torch.optim.SGD(lr=0.1, momentum=0.9, weight_decay=1e-2)\n"
    "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
    "torch.optim.Adam(lr=0.01, weight_decay=1e-2)\n"
    "torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)",
)
_TORCH_RULE = "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-2)\n"
TORCH_SCHEDULES = (
    *(
        f"{_TORCH_RULE}scheduler = torch.optim.lr_scheduler.{scheduler}"
        for scheduler in (
            "ExponentialLR(optimizer, 0.97)",
            "StepLR(optimizer, 30, gamma=0.5)",
            "MultiStepLR(optimizer, [20, 60], gamma=0.3)",
            "CosineAnnealingLR(optimizer, T_max=150, eta_min=0.001)",
            "CosineAnnealingLR(optimizer, T_max=60)",
            "PolynomialLR(optimizer, total_iters=80, power=2.0)",
            "LinearLR(optimizer, start_factor=0.25, total_iters=40)",
        )
    ),
    f"{_TORCH_RULE}warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10)\n"
    "after = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=90)\n"
    "scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, after], [10])",
    f"{_TORCH_RULE}scheduler = transformers.get_linear_schedule_with_warmup(optimizer, 10, 90)",
    "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)\n"
    "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 30, 0.5)",
)

KERAS = (
    "keras.optimizers.SGD(0.1)",
    "keras.optimizers.SGD(0.1, weight_decay=0.01)",
    "keras.optimizers.SGD(0.1, momentum=0.9)",
    "keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.01)",
    "optimizer = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01)\n"
    'optimizer.exclude_from_weight_decay(var_names=["bias"])',
    "keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.005))\n"
    "keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)",
    "keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L1(0.01))\n"
    "keras.optimizers.SGD(0.1)",
    "keras.optimizers.Adam()",
    "keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.005), "
    "bias_regularizer=keras.regularizers.L2(0.005))\nkeras.optimizers.Adam(0.01)",
    "keras.optimizers.Adam(0.01, weight_decay=0.01, amsgrad=True)",
    "keras.optimizers.AdamW()",
    "keras.optimizers.Nadam(weight_decay=0.01)",
    "keras.optimizers.RMSprop(weight_decay=0.01)",
    "keras.optimizers.RMSprop(momentum=0.5, centered=True)",
    "keras.optimizers.Adagrad(0.01, weight_decay=0.01)",
    "keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.005))\n"
    "keras.optimizers.Adagrad(0.01, initial_accumulator_value=0.0)",
    "keras.optimizers.Lion(weight_decay=0.1)",
    "keras.optimizers.Lion()",
    "keras.optimizers.Adadelta(1.0, weight_decay=0.01)",
    "keras.optimizers.Adamax(weight_decay=0.01)",
    "keras.optimizers.SGD(0.1, weight_decay=0.01, clipnorm=1.0)",
    "keras.optimizers.Adam(0.01, weight_decay=0.01, clipvalue=0.5)",
    "keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.005))\n"
    "keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=1.0)",
    "keras.optimizers.SGD(lr=0.1, momentum=0.9, decay=0.01)",
    "keras.optimizers.legacy.RMSprop(0.01)",
    "tfa.optimizers.AdamW(1e-4, 1e-2)",
)
KERAS_SCHEDULES = tuple(
    f"schedule = keras.optimizers.schedules.{schedule}\n"
    "optimizer = keras.optimizers.SGD(schedule, weight_decay=0.01)"
    for schedule in (
        "ExponentialDecay(0.1, 50, 0.5)",
        "ExponentialDecay(0.1, 30, 0.5, staircase=True)",
        "PiecewiseConstantDecay([20, 60], [0.1, 0.05, 0.01])",
        "CosineDecay(0.1, 150, alpha=0.1)",
        "CosineDecay(0.0, 90, warmup_target=0.1, warmup_steps=10)",
        "PolynomialDecay(0.1, 80, end_learning_rate=0.0, power=2.0)",
        "PolynomialDecay(0.1, 80, end_learning_rate=0.02)",
        "InverseTimeDecay(0.1, 10, 0.5)",
    )
)

OPTAX = (
    "optax.sgd(0.1)",
    "optax.chain(optax.add_decayed_weights(1e-2), optax.sgd(0.1))",
    "optax.chain(optax.add_decayed_weights(1e-2, mask=not_bias), optax.sgd(0.1, momentum=0.9))",
    "optax.sgd(0.1, momentum=0.9, nesterov=True)",
    "optax.chain(optax.trace(0.9), optax.add_decayed_weights(1e-2), "
    "optax.scale_by_learning_rate(0.1))",
    "optax.chain(optax.scale_by_learning_rate(0.1), optax.trace(0.9))",
    "optax.chain(optax.sgd(0.1, momentum=0.9), optax.add_decayed_weights(-1e-3))",
    "optax.adam(1e-3)",
    "optax.chain(optax.add_decayed_weights(1e-2), optax.adam(1e-2))",
    "optax.adam(1e-2, eps_root=1e-10)",
    "optax.amsgrad(1e-2)",
    'optax.adamw(1e-2, weight_decay=0.1, mask={"kernel": True, "bias": False})',
    "optax.nadamw(1e-3)",
    "optax.rmsprop(1e-2)",
    "optax.rmsprop(1e-2, decay=0.99, eps_in_sqrt=False, centered=True, momentum=0.9)",
    "optax.chain(optax.scale_by_rms(), optax.add_decayed_weights(1e-2), optax.scale(-1e-2))",
    "optax.adagrad(0.1)",
    "optax.chain(optax.scale_by_rss(0.0), optax.add_decayed_weights(1e-2), optax.scale(-0.1))",
    "optax.lion(1e-3)",
    "optax.lion(1e-3, b1=0.9, b2=0.9, weight_decay=0.1)",
    "optax.adadelta(1.0, weight_decay=1e-2)",
    "optax.adamaxw(1e-2)",
    "optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(1e-2))",
    "optax.chain(optax.add_decayed_weights(1e-2), optax.clip(0.5), optax.sgd(0.1, momentum=0.9))",
)
OPTAX_SCHEDULES = tuple(
    f"optax.chain(optax.add_decayed_weights(1e-2), optax.sgd(optax.{schedule}))"
    for schedule in (
        "exponential_decay(0.1, 50, 0.5)",
        "exponential_decay(0.1, 10, 0.5, staircase=True, end_value=0.01)",
        "piecewise_constant_schedule(0.1, {20: 0.5, 60: 0.2})",
        "cosine_decay_schedule(0.1, 150, alpha=0.1)",
        "cosine_decay_schedule(0.1, 60)",
        "polynomial_schedule(0.1, 0.0, power=2, transition_steps=80)",
        "linear_schedule(0.01, 0.1, 40)",
        "warmup_cosine_decay_schedule(0.0, 0.1, 10, 80, end_value=0.01)",
        "warmup_exponential_decay_schedule(0.01, 0.1, 10, 30, 0.5)",
    )
)

MXNET = (
    'gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})',
    'gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "wd": 1e-2})',
    f"{NOT_DECAYED['mxnet']}mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, wd=1e-2)",
    "mx.optimizer.NAG(learning_rate=0.1, momentum=0.9)",
    "mx.optimizer.NAG(learning_rate=0.1, momentum=0.9, wd=1e-2)",
    "mx.optimizer.Adam()",
    "mx.optimizer.Adam(learning_rate=0.01, wd=1e-2)",
    "mx.optimizer.RMSProp()",
    "mx.optimizer.RMSProp(wd=1e-2, centered=True)",
    "mx.optimizer.AdaGrad(wd=1e-2)",
    "mx.optimizer.AdaDelta(wd=1e-2)",
    "mx.optimizer.Adamax(wd=1e-2)",
    "mx.optimizer.Signum(learning_rate=1e-3, wd_lh=0.1)",
    "mx.optimizer.Signum(learning_rate=1e-3, wd=1e-2)",
    "mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, wd=5e-4, rescale_grad=1/128)",
    "mx.optimizer.Adam(wd=1e-2, rescale_grad=1/128)",
    "mx.optimizer.SGD(learning_rate=0.1, wd=1e-2, clip_gradient=0.5)",
    "mx.optimizer.Adam(wd=1e-2, clip_gradient=0.5)",
)
MXNET_SCHEDULES = tuple(
    f"mx.optimizer.SGD(learning_rate=0.1, wd=1e-2, lr_scheduler=mx.lr_scheduler.{scheduler})"
    for scheduler in (
        "FactorScheduler(30, 0.5)",
        "MultiFactorScheduler([20, 60], 0.3)",
        "PolyScheduler(80, base_lr=0.1)",
        "PolyScheduler(81, base_lr=0.1, warmup_steps=1)",
        "CosineScheduler(150, base_lr=0.1, warmup_steps=1)",
        "CosineScheduler(150, base_lr=0.1)",
        "CosineScheduler(80, base_lr=0.1, warmup_steps=10, warmup_begin_lr=0.01)",
    )
)

SKLEARN = (
    "Ridge(alpha=3.0)",
    "Lasso(alpha=0.1)",
    "ElasticNet(alpha=0.1, l1_ratio=0.3)",
    'SGDRegressor(alpha=1e-2, learning_rate="constant")',
    "SGDRegressor()",
)
BOOK = ("WeightDecay(lambd=3, lr=0.01)", "d2l.WeightDecayScratch(200, 3, 0.01)")

SETTINGS: dict[str, tuple[str, ...]] = {
    "torch": TORCH + TORCH_SCHEDULES,
    "keras": KERAS + KERAS_SCHEDULES,
    "optax": OPTAX + OPTAX_SCHEDULES,
    "mxnet": MXNET + MXNET_SCHEDULES,
    "sklearn": SKLEARN,
    "book": BOOK,
}
"""By framework."""
EXAMPLES = 100
"""The number of training examples that Ridge is given."""
