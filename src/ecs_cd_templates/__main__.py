"""``python -m ecs_cd_templates``: the same as the command ``ecs-cd-templates``."""

from .cli import main

raise SystemExit(main())
