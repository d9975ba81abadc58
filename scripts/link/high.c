/* What a static program at a high address needs beside libc; meson.build here says why. */

long kit_weak_hook(void);
extern void *const __dso_handle;

/* Stands for a function of libc that was not linked. */
long kit_weak_hook(void) { return 0; }

/* Names the program to atexit; crtbeginS.o would define it. */
__attribute__((visibility("hidden"))) void *const __dso_handle = 0;
