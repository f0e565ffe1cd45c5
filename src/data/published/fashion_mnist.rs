//! Fashion-MNIST. Sizes and hashes were computed from Debian's `dataset-fashion-mnist` 0.0~git20200523.55506a9-1.

use super::{DataFile, Files, Obtain, Part, Published};

pub(super) static FASHION_MNIST: Published = Published {
    name: "fashion-mnist",
    title: "Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf, 2017, arXiv:1708.07747)",
    origin: "https://github.com/zalandoresearch/fashion-mnist",
    licence: "MIT, Zalando SE",
    shape: [1, 28, 28],
    classes: &[
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
    sigma_data: 0.706,
    // torchvision keeps its downloads in FashionMNIST/raw.
    folders: &["fashion-mnist", "FashionMNIST/raw", "raw"],
    obtain: Obtain::Debian { package: "dataset-fashion-mnist", folder: "usr/share/datasets/fashion-mnist" },
    train: Part {
        len: 60_000,
        files: Files::Idx {
            images: DataFile {
                name: "train-images-idx3-ubyte.gz",
                bytes: 26_421_856,
                sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            },
            labels: DataFile {
                name: "train-labels-idx1-ubyte.gz",
                bytes: 29_491,
                sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            },
        },
    },
    test: Part {
        len: 10_000,
        files: Files::Idx {
            images: DataFile {
                name: "t10k-images-idx3-ubyte.gz",
                bytes: 4_422_079,
                sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            },
            labels: DataFile {
                name: "t10k-labels-idx1-ubyte.gz",
                bytes: 5_125,
                sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            },
        },
    },
};
