/*
 * A plugin for qemu-riscv64 that counts what a guest executes, as the measure that times are divided by.
 * It writes a line to the file of its argument out=FILE: instructions executed, blocks executed, and different
 * instructions executed. qemu's header is not at hand where only qemu is installed, so the few functions
 * used are declared here; API_VERSION has to lie in the range that the installed qemu takes (scripts/bench
 * tries).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned vcpu, void *data), int flags,
					  void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *),
				    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t at);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = API_VERSION;

/* One bit for each halfword below this address: static programs that are not PIE lie there. */
#define SEEN_BELOW (UINT64_C(1) << 26)

static uint8_t seen[SEEN_BELOW / 16];
static uint64_t insns, blocks, different;
static char out[4096];

static void on_block(unsigned vcpu, void *data)
{
	(void)vcpu;
	insns += (uintptr_t)data;
	blocks++;
}

/* A block that is translated is one that will be executed. */
static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, 0, (void *)(uintptr_t)n);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i));

		if (at < SEEN_BELOW && !(seen[at / 16] >> at / 2 % 8 & 1)) {
			seen[at / 16] |= (uint8_t)(1u << at / 2 % 8);
			different++;
		}
	}
}

static void on_exit(qemu_plugin_id_t id, void *data)
{
	FILE *f = fopen(out, "w");

	(void)id;
	(void)data;
	if (!f)
		return;
	fprintf(f, "%llu %llu %llu\n", (unsigned long long)insns, (unsigned long long)blocks,
		(unsigned long long)different);
	fclose(f);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc,
			       char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "out=", 4) == 0)
			snprintf(out, sizeof(out), "%s", argv[i] + 4);
	if (!out[0])
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_exit, NULL);
	return 0;
}
