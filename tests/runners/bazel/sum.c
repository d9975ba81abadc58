/* sum A B C: is A + B C? */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	if (argc != 4)
		return 99;
	printf("%s + %s\n", argv[1], argv[2]);
	return atoi(argv[1]) + atoi(argv[2]) != atoi(argv[3]);
}
