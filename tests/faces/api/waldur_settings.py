"""Django, set up for the model of Waldur: to be imported before anything of Django REST framework.

There is no database. PostgreSQL is named because Django asks its backend which numbers a column
holds; to connect to it would fail.
"""

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],  # as in Waldur's image
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "none",
                "HOST": "/nowhere",
            }
        },
        DATA_UPLOAD_MAX_NUMBER_FIELDS=None,  # see DIFFERENCES in waldur_model.py
        LOGGING_CONFIG=None,
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None, "UNAUTHENTICATED_TOKEN": None},
        USE_I18N=False,
    )
    django.setup()
