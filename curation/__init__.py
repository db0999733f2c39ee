"""People and versions: releases, their cards, and what is published."""
