"""Names that other libraries give to gencl's settings, for hints in error messages."""

from __future__ import annotations

_MEANT = {
    "train.half_life": "ema ema_decay ema_beta ema_rate average averaging weight_averaging moving_average swa polyak",
    "train.lr": "learning_rate eta step_size rate base_lr init_lr",
    "train.lr_flat or train.lr_end": "scheduler lr_scheduler schedule lr_schedule decay lr_decay cosine annealing "
    "gamma warmup lr_warmup milestones",
    "train.steps or train.epochs": "iterations iters num_steps max_steps n_steps total_steps kimg num_epochs "
    "max_epochs n_epochs epoch",
    "train.batch_size": "batch batchsize bs minibatch per_device_train_batch_size",
    "train.precision": "amp fp16 bf16 half mixed_precision autocast dtype",
    "train.optimizer": "optim optimiser opt solver",
    "train.log_every": "log_interval print_every print_freq logging_steps",
    "train.checkpoint_every": "save_every save_interval save_steps snapshot ckpt checkpoint",
    "train.betas": "beta1 beta2 adam_betas b1 b2",
    "data.place": "workers num_workers n_workers pin_memory prefetch loader",
    "data.size": "image_size img_size resolution res imsize resize",
    "data.name": "dataset data_dir data_path dataroot root path folder",
    "data.limit": "max_images subset n_images num_images",
    "data.flip": "hflip mirror xflip horizontal_flip",
    "model.augment": "augment augmentation diffaugment diff_augment ada transforms",
    "model.latent": "z_dim zdim nz latent_dim noise_dim",
    "model.width": "channels ngf ndf nf base_channels ch capacity",
    "model.guidance": "cfg cfg_scale guidance_scale",
    "model.steps": "sampling_steps nfe num_inference_steps",
    "scenario.classes_per_task": "increment n_classes num_classes classes",
    "scenario.tasks": "n_tasks num_tasks n_experiences experiences",
    "method.lambda": "ewc_lambda reg_lambda strength regularization reg weight_penalty",
    "evaluate.samples": "n_samples num_samples fid_samples eval_samples",
}
_OF_WORD = {word: setting for setting, words in _MEANT.items() for word in words.split()}


def setting_meant(key: str) -> str:
    """Return the setting that an unknown key most likely means: ``train.ema`` -> ``"train.half_life"``; or ""."""
    return _OF_WORD.get(key.rpartition(".")[2].lower().replace("-", "_"), "")
