# SPDX-License-Identifier: GPL-2.0
# Print what a kernel log holds of warnings, checkers' reports and crashes since the lab's command
# began; nothing when there is nothing. Each report is shown from its first line for some lines.

/lab: the command begins/ { watching = 1; next }

# UML 6.1 walks its own memory map without rcu_read_lock when a process forks: not ours.
/WARNING: suspicious RCU usage/ { held = $0; next }
held != "" && /lib\/maple_tree\.c/ { held = ""; next }
held != "" && /Tainted|tainted|-----/ { held = held "\n" $0; next }
held != "" && watching { print held; held = ""; left = 60 }

/lab: the command has ended/ { left = 0 }

watching && (/(^|[^A-Za-z_])(WARNING|BUG|UBSAN|Oops): / || /KASAN|Kernel panic|general protection fault/ ||
	/INFO: (task .* blocked|trying to register non-static key|possible |rcu_.*(stall|detected))/ ||
	/rcu: INFO: .*stall/ || /kmemleak: [0-9]+ new suspected/ || /Kernel mode (fault|signal)/ ||
	/soft lockup|hard LOCKUP|refcount_t: |list_(add|del) corruption/) { left = 60 }

left > 0 { print; left-- }
