"""What training makes small: a loss a file, its equation above it, plain functions of tensors.

Dosovitskiy & Brox 2016 (arXiv 1602.02644, section 2) sum over a picture, and so weigh their terms by its size; here every loss is a mean.
"""
