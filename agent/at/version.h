/* SPDX-License-Identifier: MIT */
/* The version of this build, which the Makefile gives as DTU_VERSION: "major.minor.patch". */
#ifndef AT_VERSION_H
#define AT_VERSION_H

#include "base/buf.h"

const char *version_text(void);

/* As AT+VER prints it: Vn.n.nn.nnnnnn.nnnn, so 0.1.0 is V0.1.00.000000.0000. */
int version_print(struct buf *out, const char *version);

#endif
