"""References that a paper with results of Leadline cites, by key, in Markdown and BibTeX."""

REFERENCES = {
    "lourie2025": "N. Lourie, H. He and K. Cho (2025), Hyperparameter loss surfaces are simple "
    "near their optima, [arXiv:2510.02721](https://arxiv.org/abs/2510.02721).",
    "northrop2017": "P. J. Northrop, N. Attalides and P. Jonathan (2017), Cross-validatory extreme "
    "value threshold selection and uncertainty with application to ocean storm severity, Journal "
    "of the Royal Statistical Society C 66(1), [doi:10.1111/rssc.12159]"
    "(https://doi.org/10.1111/rssc.12159).",
    "lunn2013": "D. Lunn, J. Barrett, M. Sweeting and S. Thompson (2013), Fully Bayesian "
    "hierarchical modelling in two stages, with application to meta-analysis, Journal of the Royal "
    "Statistical Society C 62(4), [doi:10.1111/rssc.12007](https://doi.org/10.1111/rssc.12007).",
    "cornuet2012": "J.-M. Cornuet, J.-M. Marin, A. Mira and C. P. Robert (2012), Adaptive multiple "
    "importance sampling, Scandinavian Journal of Statistics 39(4), "
    "[doi:10.1111/j.1467-9469.2011.00756.x](https://doi.org/10.1111/j.1467-9469.2011.00756.x).",
    "vehtari2024": "A. Vehtari, D. Simpson, A. Gelman, Y. Yao and J. Gabry (2024), Pareto smoothed "
    "importance sampling, Journal of Machine Learning Research 25(72).",
    "hoffmann2022": "J. Hoffmann et al. (2022), Training compute-optimal large language models, "
    "[arXiv:2203.15556](https://arxiv.org/abs/2203.15556).",
    "hoffman2014": "M. D. Hoffman and A. Gelman (2014), The No-U-Turn Sampler, Journal of Machine "
    "Learning Research 15, 1593-1623.",
    "eriksson2021": "D. Eriksson and M. Jankowiak (2021), High-dimensional Bayesian optimization "
    "with sparse axis-aligned subspaces, [arXiv:2103.00349](https://arxiv.org/abs/2103.00349).",
    "pymc2023": "O. Abril-Pla et al. (2023), PyMC: a modern and comprehensive probabilistic "
    "programming framework in Python, PeerJ Computer Science 9:e1516, "
    "[doi:10.7717/peerj-cs.1516](https://doi.org/10.7717/peerj-cs.1516).",
    "vehtari2021": "A. Vehtari, A. Gelman, D. Simpson, B. Carpenter and P.-C. Bürkner (2021), "
    "Rank-normalization, folding, and localization: an improved R-hat, Bayesian Analysis 16(2), "
    "[doi:10.1214/20-BA1221](https://doi.org/10.1214/20-BA1221).",
}

BIBTEX = {
    "lourie2025": """@article{lourie2025,
  author = {Lourie, Nicholas and He, He and Cho, Kyunghyun},
  title = {Hyperparameter Loss Surfaces Are Simple Near their Optima},
  journal = {arXiv:2510.02721}, year = {2025}}""",
    "northrop2017": """@article{northrop2017,
  author = {Northrop, Paul J. and Attalides, Nicolas and Jonathan, Philip},
  title = {Cross-validatory extreme value threshold selection and uncertainty with application to
    ocean storm severity},
  journal = {Journal of the Royal Statistical Society: Series C}, volume = {66}, number = {1},
  year = {2017}, doi = {10.1111/rssc.12159}}""",
    "lunn2013": """@article{lunn2013,
  author = {Lunn, David and Barrett, Jessica and Sweeting, Michael and Thompson, Simon},
  title = {Fully {Bayesian} Hierarchical Modelling in Two Stages, with Application to
    Meta-Analysis},
  journal = {Journal of the Royal Statistical Society: Series C}, volume = {62}, number = {4},
  year = {2013}, doi = {10.1111/rssc.12007}}""",
    "cornuet2012": """@article{cornuet2012,
  author = {Cornuet, Jean-Marie and Marin, Jean-Michel and Mira, Antonietta and
    Robert, Christian P.},
  title = {Adaptive Multiple Importance Sampling},
  journal = {Scandinavian Journal of Statistics}, volume = {39}, number = {4}, year = {2012},
  doi = {10.1111/j.1467-9469.2011.00756.x}}""",
    "vehtari2024": """@article{vehtari2024,
  author = {Vehtari, Aki and Simpson, Daniel and Gelman, Andrew and Yao, Yuling and Gabry, Jonah},
  title = {{Pareto} Smoothed Importance Sampling},
  journal = {Journal of Machine Learning Research}, volume = {25}, number = {72},
  year = {2024}}""",
    "hoffmann2022": """@article{hoffmann2022,
  author = {Hoffmann, Jordan and others},
  title = {Training Compute-Optimal Large Language Models},
  journal = {arXiv:2203.15556}, year = {2022}}""",
    "hoffman2014": """@article{hoffman2014,
  author = {Hoffman, Matthew D. and Gelman, Andrew},
  title = {The {No-U-Turn} Sampler},
  journal = {Journal of Machine Learning Research}, volume = {15}, pages = {1593--1623},
  year = {2014}}""",
    "eriksson2021": """@article{eriksson2021,
  author = {Eriksson, David and Jankowiak, Martin},
  title = {High-Dimensional {Bayesian} Optimization with Sparse Axis-Aligned Subspaces},
  journal = {arXiv:2103.00349}, year = {2021}}""",
    "pymc2023": """@article{pymc2023,
  author = {Abril-Pla, Oriol and others},
  title = {{PyMC}: a modern and comprehensive probabilistic programming framework in {Python}},
  journal = {PeerJ Computer Science}, volume = {9}, pages = {e1516}, year = {2023},
  doi = {10.7717/peerj-cs.1516}}""",
    "vehtari2021": """@article{vehtari2021,
  author = {Vehtari, Aki and Gelman, Andrew and Simpson, Daniel and Carpenter, Bob and
    B{\\"u}rkner, Paul-Christian},
  title = {Rank-Normalization, Folding, and Localization: An Improved {R-hat}},
  journal = {Bayesian Analysis}, volume = {16}, number = {2}, year = {2021},
  doi = {10.1214/20-BA1221}}""",
}
