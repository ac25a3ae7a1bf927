/* A disk that fails on command, for tests: put before the C library with LD_PRELOAD.

   While the file FAULTS_FLAG exists, its first letter says how files below FAULTS_DIR fail:
   f: what is written cannot be made durable (fsync, EIO); w: nothing can be written (ENOSPC);
   r: nothing can be changed at all (EROFS); p: writing goes on for as many calls as the number after it says.
   The flag itself lies elsewhere. Each failure is noted by a letter in FAULTS_SEEN, if that is given. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int writes_left = -1;

static char mode(void) {
    const char *path = getenv("FAULTS_FLAG");
    int flag = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char said[16] = {0};
    if (flag < 0) {
        writes_left = -1;
        return 0;
    }
    ssize_t size = read(flag, said, sizeof said - 1);
    close(flag);
    if (size > 0 && said[0] == 'p' && writes_left < 0)
        writes_left = atoi(said + 1);
    return size > 0 ? said[0] : 0;
}

static int is_ours(int fd) {
    const char *directory = getenv("FAULTS_DIR");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    return directory && size > 0 && (path[size] = 0, strncmp(path, directory, strlen(directory)) == 0);
}

static int fails(int fd, const char *modes, char call) {
    int kept = errno;
    char how = is_ours(fd) ? mode() : 0;
    errno = kept;
    if (!how || !strchr(modes, how))
        return 0;
    if (how == 'p' && writes_left-- > 0)
        return 0;
    const char *seen = getenv("FAULTS_SEEN");
    int note = seen ? open(seen, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (note >= 0) {
        if (write(note, &call, 1) < 0)
            abort();
        close(note);
    }
    errno = how == 'f' ? EIO : how == 'r' ? EROFS : ENOSPC;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) { return fails(fd, "f", 's') ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails(fd, "f", 's') ? -1 : REAL(fdatasync)(fd); }

ssize_t write(int fd, const void *from, size_t size) {
    return fails(fd, "wrp", 'w') ? -1 : REAL(write)(fd, from, size);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    return fails(fd, "wrp", 'w') ? -1 : REAL(pwrite)(fd, from, size, at);
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    return fails(fd, "wrp", 'w') ? -1 : REAL(pwrite64)(fd, from, size, at);
}
int ftruncate(int fd, off_t size) { return fails(fd, "r", 't') ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return fails(fd, "r", 't') ? -1 : REAL(ftruncate64)(fd, size); }
