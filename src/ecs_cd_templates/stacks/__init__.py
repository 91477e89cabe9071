"""One module for each kind of template; each has ``build(settings) -> Template``."""
