/* What is said about options, all from options.def: --help, completion for shells, and what an unknown one may have meant. */
#include "cmd/kitemu/options.h"

#include <stdio.h>
#include <string.h>

/* ---- --help -------------------------------------------------------------------------------- */

static void print_option(const struct opt_row *r)
{
	char left[64], letter[8] = "    ";

	if (r->letter)
		(void)snprintf(letter, sizeof letter, "-%c, ", r->letter);
	if (!r->argument)
		(void)snprintf(left, sizeof left, "%s--%s", letter, r->name);
	else if (options_is_optional(r))
		(void)snprintf(left, sizeof left, "%s--%s[=%s", letter, r->name, r->argument + 1);
	else
		(void)snprintf(left, sizeof left, "%s--%s=%s", letter, r->name, r->argument);
	printf("  %-36s %s%s%s%s\n", left, r->help, *r->env ? " [" : "", r->env,
	       *r->env ? "]" : "");
}

/* A word of a list, in lines that fit a terminal. */
static void print_word(const char *mark, const char *word, unsigned *column)
{
	const unsigned width = (unsigned)(1 + strlen(mark) + strlen(word));

	if (*column + width > 100) {
		putchar('\n');
		*column = 0;
	}
	printf(" %s%s", mark, word);
	*column += width;
}

void options_print_help(void)
{
	unsigned column = 0;

	puts("Usage: kitemu [OPTION]... PROGRAM [ARGUMENT]...\n"
	     "Run a static riscv64 Linux program on this machine.");
#define GROUP(title) puts("\n" title ":");
#define OPT(id, ...) print_option(&opt_rows[OPT_##id]);
#define ALSO(...)
#define ABSENT(...)
#include "cmd/kitemu/options.def"
#undef GROUP
#undef OPT
#undef ALSO
#undef ABSENT
	puts("\nOptions are taken with one dash or with two, and as qemu-user has them:");
	for (const struct opt_also *a = opt_also; a->name; a++)
		print_word("-", a->name, &column);
	column = 0;
	puts(".\nThe variable in brackets gives the same value; where it is not set, qemu-user's "
	     "counts:");
	for (const struct opt_also *a = opt_also; a->name; a++)
		print_word("", a->env, &column);
	puts(".\n\nThe exit status is the guest's. 125: kitemu itself failed; 126: the program "
	     "cannot be\n"
	     "run; 127: it does not exist. A guest killed by a signal makes kitemu die by that "
	     "signal.\n"
	     "man kitemu says more.");
}

/* ---- an unknown option --------------------------------------------------------------------- */

enum { WORD_MOST = 32 };

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* How many letters must be put in, taken out or changed, or neighbours swapped, to make one of the other. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MOST + 1] = { { 0 } };
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MOST || m > WORD_MOST)
		return WORD_MOST;
	for (unsigned j = 0; j <= m; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned *to = row[i % 3], *up = row[(i + 2) % 3], *upper = row[(i + 1) % 3];

		to[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			to[j] =
			    least(least(up[j], to[j - 1]) + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				to[j] = least(to[j], upper[j - 2] + 1);
		}
	}
	return row[n % 3][m];
}

/* What stands before "=" in written, as far as it may be a name. */
static void take_name(char word[WORD_MOST + 1], const char *written)
{
	*word = 0;
	strncat(word, written, least((unsigned)strcspn(written, "="), WORD_MOST));
}

/* Whether name is nearer to word than *most, which becomes their distance then. */
static bool is_nearer(const char *word, const char *name, unsigned *most)
{
	unsigned d = distance(word, name);

	/* The start of a name is near, too. */
	if (strlen(word) > 2 && !strncmp(word, name, strlen(word)))
		d = 1;
	if (d >= *most)
		return false;
	*most = d;
	return true;
}

const char *options_nearest(const char *written)
{
	char word[WORD_MOST + 1];
	const char *best = NULL;
	unsigned most;

	take_name(word, written);
	most = (unsigned)strlen(word) / 3 + 1;
	for (int i = 0; i < OPT_COUNT; i++)
		if (is_nearer(word, opt_rows[i].name, &most))
			best = opt_rows[i].name;
	return best;
}

const char *options_nearest_variable(const char *written)
{
	static const size_t prefix = sizeof "KITEMU_" - 1;
	char word[WORD_MOST + 1];
	const char *best = NULL;
	unsigned most;

	take_name(word, written + prefix);
	most = (unsigned)strlen(word) / 3 + 1;
	for (int i = 0; i < OPT_COUNT; i++)
		if (*opt_rows[i].env && is_nearer(word, opt_rows[i].env + prefix, &most))
			best = opt_rows[i].env;
	return best;
}

/* ---- completion ---------------------------------------------------------------------------- */

/* The argument is one of several words, which stand in the table with "|" between. */
static bool is_choice(const struct opt_row *r)
{
	return r->argument && strchr(r->argument, '|') && !strpbrk(r->argument, "[:");
}

static bool is_file(const struct opt_row *r) { return r->argument && strstr(r->argument, "FILE"); }

static bool takes_word(const struct opt_row *r) { return r->argument && !options_is_optional(r); }

/* Text inside of single quotes, with a backslash before each of some characters. */
static void put_quoted(const char *s, const char *special)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\'", stdout);
		else if (strchr(special, *s))
			putchar('\\');
		putchar(*s);
	}
}

static void put_words(const struct opt_row *r)
{
	for (const char *s = r->argument; *s; s++)
		putchar(*s == '|' ? ' ' : *s);
}

static void bash_completion(void)
{
	puts("# bash completion for kitemu; made by kitemu --completion=bash\n"
	     "_kitemu()\n{\n"
	     "\tlocal i cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	     "\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
	     "\t[[ $cur == = ]] && cur=\n"
	     "\tCOMPREPLY=()\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tcase ${COMP_WORDS[i]} in");
	fputs("\t\t-*) [[ ${COMP_WORDS[i+1]} == = ]] && { ((i += 2)); continue; } ;;&\n\t\t",
	      stdout);
	for (int i = 0, n = 0; i < OPT_COUNT; i++) {
		const struct opt_row *r = &opt_rows[i];

		if (!takes_word(r))
			continue;
		printf("%s--%s|-%s", n++ ? "|" : "", r->name, r->name);
		if (r->letter)
			printf("|-%c", r->letter);
	}
	puts(") ((i++)) ;;\n\t\t-*|=) ;;\n"
	     "\t\t*) # the program: what follows is its own\n"
	     "\t\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	     "\t\t\treturn ;;\n"
	     "\t\tesac\n\tdone\n"
	     "\tcase $prev in");
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct opt_row *r = &opt_rows[i];

		if (!takes_word(r))
			continue;
		printf("\t--%s|-%s", r->name, r->name);
		if (r->letter)
			printf("|-%c", r->letter);
		if (is_choice(r)) {
			fputs(") COMPREPLY=($(compgen -W '", stdout);
			put_words(r);
			puts("' -- \"$cur\")); return ;;");
		} else {
			puts(is_file(r) ? ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;"
					: ") return ;;");
		}
	}
	fputs("\tesac\n\tif [[ $cur == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W '", stdout);
	for (int i = 0; i < OPT_COUNT; i++)
		printf("%s--%s", i ? " " : "", opt_rows[i].name);
	puts("' -- \"$cur\"))\n"
	     "\telse\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\tfi\n}\n"
	     "complete -o filenames -F _kitemu kitemu");
}

static void zsh_completion(void)
{
	puts("#compdef kitemu\n# zsh completion for kitemu; made by kitemu --completion=zsh\n"
	     "_arguments -s \\");
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct opt_row *r = &opt_rows[i];

		for (int form = r->letter ? 0 : 1; form < 2; form++) {
			if (form == 0)
				printf("\t'*-%c[", r->letter);
			else
				printf("\t'*--%s%s[", r->name,
				       takes_word(r) ? "="
				       : r->argument ? "=-"
						     : "");
			put_quoted(r->help, "[]:\\");
			putchar(']');
			if (r->argument) {
				putchar(':');
				if (!takes_word(r))
					putchar(':');
				put_quoted(r->argument, ":[]");
				putchar(':');
				if (is_choice(r)) {
					putchar('(');
					put_words(r);
					putchar(')');
				} else if (is_file(r)) {
					fputs("_files", stdout);
				}
			}
			puts("' \\");
		}
	}
	puts("\t'1:program:_files' '*::arguments:_files'");
}

static void fish_completion(void)
{
	puts("# fish completion for kitemu; made by kitemu --completion=fish");
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct opt_row *r = &opt_rows[i];

		printf("complete -c kitemu -l %s", r->name);
		if (r->letter)
			printf(" -s %c", r->letter);
		if (takes_word(r))
			fputs(is_file(r) ? " -r -F" : " -x", stdout);
		if (is_choice(r)) {
			fputs(" -a '", stdout);
			put_words(r);
			putchar('\'');
		}
		fputs(" -d '", stdout);
		put_quoted(r->help, "\\");
		puts("'");
	}
}

void options_print_completion(const char *shell)
{
	if (*shell == 'b')
		bash_completion();
	else if (*shell == 'z')
		zsh_completion();
	else
		fish_completion();
}
