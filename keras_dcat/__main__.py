"""`python -m keras_dcat`."""

from keras_dcat_command import main

if __name__ == "__main__":
    main(prog_name="keras-dcat")
