# SPDX-License-Identifier: GPL-2.0
# Nested KTAP of KUnit, as the kernel's log has it, to flat TAP. KUnit indents by four blanks: a
# suite's own result not at all, its cases once, their parameters twice, each behind a line
# "# Subtest: NAME" of that depth. -v suites="NAME...": each of these has to come to its end.

function report(result, name)
{
	print result, ++number, "-", name
}

# The line of a case that had parameters says no more than those did.
function is_sum(name)
{
	return name in parameters && result == "ok"
}

# The suite's plan counts cases; those that did not come are missed at its end.
/^    # Subtest: / { suite = $3; planned = seen = 0; split("", parameters); next }
/^    1\.\.[0-9]+$/ { planned = substr($1, 4); next }
/^        # Subtest: / { outer = $3; parameters[outer] = 1; next }

/^(    |        |)(not )?ok [0-9]+ / {
	line = $0
	depth = match(line, /[^ ]/) - 1
	line = substr(line, depth + 1)
	result = line ~ /^not / ? "not ok" : "ok"
	sub(/^(not )?ok [0-9]+ /, "", line)
	if (depth == 8) {
		report(result, suite ": " outer ": " line)
	} else if (depth == 4) {
		seen++
		if (!is_sum(line))
			report(result, suite ": " line)
	} else if (index(" " suites " ", " " line " ")) {
		ended[line] = 1
		report(result == "ok" && planned && seen == planned ? "ok" : "not ok", line ": " seen " of " planned " cases ran")
	}
	next
}

# What a failing case has to say, its seed, sums: all else of KUnit's.
suite { print "# " $0 }

END {
	count = split(suites, names, " ")
	for (i = 1; i <= count; i++)
		if (!(names[i] in ended))
			report("not ok", names[i] ": ran")
	print "1.." number
}
