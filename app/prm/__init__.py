"""The process reward model: from steps and ratings to a network that rates steps.

Pure torch and transformers. It knows no web and no database: plain examples in, a folder of
safetensors out. `config` alone imports no torch, so that forms and commands can check a config."""
