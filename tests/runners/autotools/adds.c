#include <stdio.h>
#include <sys/utsname.h>

int main(void)
{
	struct utsname u;

	uname(&u);
	printf("on %s, 2 + 3 = %d\n", u.machine, 2 + 3);
	return 0;
}
