"""New images: label them as a finished run labeled its own, and export its classifier."""
