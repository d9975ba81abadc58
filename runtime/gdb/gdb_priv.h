/*
 * What the server's files share: one client, the processes and threads that it debugs, and what became of them.
 *
 * All-stop: either the client may ask about threads that all stand still, or threads run and it waits.
 *
 *            vCont, c, s            a thread has an event, or an interrupt came            all stand still
 *     IDLE --------------> RUNNING ---------------------------------------> STOPPING ----------------------> IDLE
 *                                                                           (holds sent)    one event is told
 *
 * Other threads' events wait in their struct; the next vCont that lets these threads go tells of one at once instead. A
 * breakpoint's that is no longer there is forgotten: the thread comes to it anew.
 *
 * The server has one thread; nothing here is called from anywhere else.
 */
#ifndef KIT_RUNTIME_GDB_PRIV_H
#define KIT_RUNTIME_GDB_PRIV_H

#include "runtime/core/points.h"
#include "runtime/gdb/gdb.h"
#include "runtime/gdb/packet.h"
#include "runtime/tracer/tracer.h"

enum { GDB_STILLBORN = 8, GDB_SIGNALS = 64, GDB_FILES = 32, GDB_CALLS = 512 };

enum gdb_event_kind {
	EVENT_NONE,
	EVENT_SIGNAL,
	EVENT_BREAK,
	EVENT_WATCH, /* at addr */
	EVENT_STEP,
	EVENT_FORK, /* number: the child's id, of this and the next */
	EVENT_VFORK,
	EVENT_VFORK_DONE,
	EVENT_EXEC,
	EVENT_CALL, /* number: of the system call, of this and the next */
	EVENT_CALL_END,
	EVENT_BEGIN, /* a thread */
};

struct gdb_event {
	enum gdb_event_kind kind;
	int signo; /* the host's; what the guest gets when the client says so */
	uint64_t number;
	gaddr addr;
};

struct gdb_thread {
	pid_t tid;
	struct gdb_process *proc;
	struct gdb_thread *next;
	struct gdb_event event; /* not told of yet */
	bool runs;              /* no stop of it was seen since it was let go */
	bool resumed;           /* the client has let it go: its events count */
	bool steps;
	gaddr range_start, range_end; /* it steps on as long as the pc is in there; equal: once */
	bool held;                    /* it was asked to stop */
	bool makes_vfork;             /* once it goes on: */
	bool in_vfork;                /* its child has its memory: it cannot stop */
	bool group_stop;              /* by SIGSTOP and its like, until SIGCONT */
	int owed;  /* one that the client does not want to hear of, and that is not delivered yet */
	int shown; /* the signal before whose delivery it stands; 0: none */
};

struct gdb_process {
	pid_t pid;
	struct gdb_process *next;
	int memory;       /* /proc/PID/mem; -1: not open */
	bool was_running; /* when the server came to it */
	bool is_new;      /* by a fork that the client has not been told of */
	bool leaves;      /* shall be let go when its threads stand still */
	bool catches;     /* some system calls, those of call; none: all */
	bool catches_all;
	bool tells; /* of these by a line of text: monitor */
	uint8_t call[GDB_CALLS / 8];
};

/* A process that has ended, or a thread that the client wants to know of. */
struct gdb_end {
	struct gdb_end *next;
	pid_t pid, tid; /* tid 0: the process */
	int status;     /* wait's */
};

struct gdb {
	const struct kit_options *opt;
	int listener, client, signals; /* descriptors; -1: none */
	int (*run)(const struct kit_options *opt, char **argv, char **envp);
	pid_t first;      /* the process that the server is there for; 0: none */
	bool first_gone;  /* it has ended */
	int waiting;      /* a socket to it: it waits for the first client; -1: not so */
	bool foreground;  /* ends with its client */
	bool served;      /* there was one */
	bool session_end; /* the client is gone: threads are let go once they stand still */
	enum { GDB_IDLE, GDB_RUNNING, GDB_STOPPING } state;
	struct gdb_process *procs;
	struct gdb_thread *threads;
	struct gdb_end *ends;
	pid_t general;    /* H g: registers and memory are its; 0: none */
	pid_t continuing; /* H c; 0: all */
	bool interrupted;
	pid_t stillborn[GDB_STILLBORN];
	unsigned stillborn_count;

	/* What the client said of itself. */
	bool no_ack, multiprocess, extended, fork_events, vfork_events, exec_events, no_resumed;
	bool thread_events;
	uint64_t pass; /* QPassSignals, by the host's numbers */
	char **run_env;
	char *run_dir;

	/* vFile. */
	int file[GDB_FILES];
	pid_t file_root; /* whose file system; 0: the server's */

	struct packet_reader in;
	struct strbuf reply, last; /* the answer in the making; the last packet sent, for a NAK */
	pid_t list_next;           /* qsThreadInfo */
};

/* ---- targets.c: processes and threads ------------------------------------------------------------------------- */

struct gdb_process *gdb_find_process(const struct gdb *g, pid_t pid);
struct gdb_thread *gdb_find_thread(const struct gdb *g, pid_t tid);
/* The thread that registers and memory are asked of, with *p filled; NULL: none, or it is gone. */
struct gdb_thread *gdb_general(const struct gdb *g, struct peer *p);
/* Traces all threads of a guest's process. They stop when they can. 0 or -errno. */
int64_t gdb_attach(struct gdb *g, pid_t pid, bool was_running);
/* Lets a process go whose threads stand still. */
void gdb_detach(struct gdb *g, struct gdb_process *p);
void gdb_kill(struct gdb *g, struct gdb_process *p);
/* Takes in what the host's wait has to tell. */
void gdb_reap(struct gdb *g);
/* Lets a thread go on. signo: what to deliver, the host's. */
void gdb_resume(struct gdb *g, struct gdb_thread *t, bool step, int signo);
/* All threads shall stand still. */
void gdb_stop_all(struct gdb *g);
bool gdb_all_stand(struct gdb *g);
/* Stops all and waits for it; false: some did not within ten seconds. */
bool gdb_wait_standing(struct gdb *g);

/* ---- points.c -------------------------------------------------------------------------------------------------- */

/* Z and z. type: gdb's, 0 to 4. 0 or -errno; -ENOSYS: no such type. */
int64_t gdb_set_point(const struct peer *p, unsigned type, gaddr addr, uint64_t kind, bool set);
void gdb_clear_points(const struct peer *p);
bool gdb_break_is_at(const struct peer *p, gaddr pc);
/* Which accesses the watchpoint at addr is for, POINT_ bits; 0: there is none. */
uint32_t gdb_watch_at(const struct peer *p, gaddr addr);

/* ---- report.c: what the client is told of -------------------------------------------------------------------------- */

/* gdb's number of a host's signal, and back; 0: none. */
unsigned gdb_signal(int signo);
int gdb_host_signal(unsigned number);
/* "p1.2" as the client wants it. */
void gdb_put_thread(struct gdb *g, pid_t pid, pid_t tid);
/* A stop reply for t, of its event or as it stands, into g->reply. The event is told then. */
void gdb_put_stop(struct gdb *g, struct gdb_thread *t);
/* Tells of one event, if there is any that counts, and is IDLE then. False: there is none. */
bool gdb_report(struct gdb *g);
bool gdb_has_event(struct gdb *g);

/* ---- registers.c ---------------------------------------------------------------------------------------------------- */

extern const char gdb_target_name[];
void gdb_put_target(struct strbuf *out); /* target.xml */
bool gdb_put_registers(struct strbuf *out, const struct peer *p);
bool gdb_set_registers(const struct peer *p, const char *hex);
/* False: there is no such register, or the thread is gone. */
bool gdb_put_register(struct strbuf *out, const struct peer *p, unsigned n);
bool gdb_set_register(const struct peer *p, unsigned n, const char *hex);

/* ---- commands.c, query.c, file.c ------------------------------------------------------------------------------------ */

/* A packet of the client's: g->in has it. The answer, if there is one, is in g->reply and *answers is true. */
void gdb_command(struct gdb *g, bool *answers);
void gdb_query(struct gdb *g, const char *s);
void gdb_put_xml(struct strbuf *out, const char *s);
/* What the general thread's process has loaded, as gdb's library-list-svr4. */
void gdb_put_libraries(struct gdb *g, const char *auxv, size_t auxv_bytes, struct strbuf *out);
void gdb_set_query(struct gdb *g, const char *s);
void gdb_file_command(struct gdb *g, const char *s, size_t n);
void gdb_files_close(struct gdb *g);
/* "p1.2", "p1.-1", "2" and so on: -1 all, 0 any. False: it is malformed. */
bool gdb_get_thread(const char **s, int64_t *pid, int64_t *tid);
void gdb_error(struct gdb *g, int64_t err);
/* Guest memory past the protection of its pages; how many bytes could be had. */
size_t gdb_read_memory(struct gdb *g, gaddr addr, void *to, size_t n);
bool gdb_write_memory(struct gdb *g, gaddr addr, const void *from, size_t n);
/* vRun: 0 or -errno. */
int64_t gdb_run_program(struct gdb *g, char **argv);

/* A line for the user, while threads run or are about to stop. */
void gdb_console(struct gdb *g, const char *text);

/* ---- monitor.c ------------------------------------------------------------------------------------------------------- */

/* qRcmd: the answer is text. */
void gdb_monitor(struct gdb *g, const char *hex);
/* Tells of the system call whose event is t's. */
void gdb_tell_call(struct gdb *g, const struct gdb_thread *t);

/* The path of a process's program; -errno. */
ssize_t gdb_exe_path(const struct gdb *g, pid_t pid, char *path, size_t size_bytes);

#endif
