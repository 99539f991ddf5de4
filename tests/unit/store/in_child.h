// InChild: what must run in a process of its own: a second opener of an environment, or work that ends the
// process.

#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>

namespace hashpost {

// Runs `work` after fork() and returns the wait status; work that throws exits with 99, else what it returns.
inline int InChild(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 99;
    try {
      status = work();
    } catch (const std::exception&) {
    }
    ::_exit(status);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace hashpost
